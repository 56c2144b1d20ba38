"""A process, accessed through a descriptor of its /proc directory, which is safe from PID reuse.

A procfs inode is bound to the kernel's struct pid: once the process is gone, every file below the
open directory returns ESRCH or ENOENT, never the data of a new process (Linux fs/proc/base.c).
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oomwarden.core.parse.memory_stat import parse_resident
from oomwarden.core.parse.proc_stat import parse_start, parse_start_and_parent

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_GONE = {errno.ENOENT, errno.ESRCH}
_READ_SIZE = 65536
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
MOUNTINFO_BYTES = 1 << 20
"""Limit on reads of mountinfo: a container can create any number of mounts."""


class ProcessGoneError(Exception):
    """The process has exited."""


class ProcRoot:
    """The host's /proc. All access to it goes through this class."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, _DIRECTORY)

    @contextmanager
    def open(self, pid: int) -> Iterator["Process"]:
        """Open a process's directory for the duration of the context.

        Raises:
            ProcessGoneError: No process has this PID.
        """
        with _exit_as_gone_error(pid):
            fd = os.open(str(pid), _DIRECTORY, dir_fd=self._fd)
        try:
            yield Process(pid, fd)
        finally:
            os.close(fd)

    def score(self, pid: int) -> int:
        """Return oom_score_adj of a process, in half the system calls that `open` needs.

        Only for looks: between two of them the PID may become that of another process.

        Raises:
            ProcessGoneError: No process has this PID.
        """
        with _exit_as_gone_error(pid):
            fd = os.open(f"{pid}/oom_score_adj", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd)
            try:
                return int(os.read(fd, _READ_SIZE))
            finally:
                os.close(fd)

    def pids(self) -> list[int]:
        """Return the processes that exist, kernel threads among them."""
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fd)
        try:
            names = os.listdir(fd)  # noqa: PTH208 - of a descriptor
            return sorted(int(name) for name in names if name.isdecimal())
        finally:
            os.close(fd)


class Process:
    """A process with an open /proc directory. Methods raise ProcessGoneError once it has exited."""

    def __init__(self, pid: int, directory: int) -> None:
        self.pid = pid
        self._directory = directory

    def start_time(self) -> int:
        """Return starttime in clock ticks since boot.

        Raises:
            ProcessGoneError: The process has exited.
        """
        return parse_start(self._read("stat"))

    def start_time_and_parent(self) -> tuple[int, int]:
        """Return starttime in clock ticks since boot, and the PID of the parent.

        Raises:
            ProcessGoneError: The process has exited.
        """
        return parse_start_and_parent(self._read("stat"))

    def score(self) -> int:
        """Return oom_score_adj.

        Raises:
            ProcessGoneError: The process has exited.
        """
        return int(self._read("oom_score_adj"))

    def resident_bytes(self) -> int:
        """Return the resident memory in bytes.

        Raises:
            ProcessGoneError: The process has exited.
        """
        return parse_resident(self._read("statm"), _PAGE_SIZE)

    def status(self) -> bytes:
        """Return status, which has the sizes that the kernel's badness counts.

        Raises:
            ProcessGoneError: The process has exited.
        """
        return self._read("status")

    def shown_score(self) -> int:
        """Return oom_score, the kernel's own figure for its badness.

        Raises:
            ProcessGoneError: The process has exited.
        """
        return int(self._read("oom_score"))

    def cgroup_name(self) -> str:
        """Return the last part of the path of its cgroup, such as kubelet.service.

        Raises:
            ProcessGoneError: The process has exited.
        """
        for line in self._read("cgroup").splitlines():
            if line.startswith(b"0::"):
                return line.rpartition(b"/")[2].decode("utf-8", "backslashreplace")
        return ""

    def comm(self) -> bytes:
        """Return comm: up to 15 arbitrary bytes, including newlines.

        Raises:
            ProcessGoneError: The process has exited.
        """
        return self._read("comm").removesuffix(b"\n")

    def command_line(self, max_bytes: int) -> bytes:
        """Return the first `max_bytes` of the NUL-terminated arguments, empty if there are none.

        The read waits for the process's mmap lock. A page fault or mmap(2) can hold that lock
        while the kernel reclaims memory (Linux fs/proc/base.c, get_mm_cmdline), so call this only
        in a thread that may be abandoned.

        Raises:
            ProcessGoneError: The process has exited.
        """
        with _exit_as_gone_error(self.pid):
            fd = os.open("cmdline", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory)
            try:
                return os.read(fd, max_bytes)
            finally:
                os.close(fd)

    def mountinfo(self) -> bytes:
        """Return the mounts in the process's mount namespace.

        Raises:
            ProcessGoneError: The process has exited, or is a zombie, which has no mounts (EINVAL).
        """
        try:
            return self._read("mountinfo", MOUNTINFO_BYTES)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise ProcessGoneError(str(self.pid)) from error
            raise

    def write_score(self, score: int) -> int:
        """Write oom_score_adj, and return the value read back.

        Raises:
            ProcessGoneError: The process has exited.
            PermissionError: CAP_SYS_RESOURCE (to lower the value) or CAP_DAC_OVERRIDE (for
                processes of other users) is missing (Linux fs/proc/base.c, __set_oom_adj).
        """
        with _exit_as_gone_error(self.pid):
            fd = os.open("oom_score_adj", os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._directory)
            try:
                os.write(fd, b"%d" % score)
            finally:
                os.close(fd)
        return self.score()

    def _read(self, name: str, max_bytes: int = _READ_SIZE) -> bytes:
        with _exit_as_gone_error(self.pid):
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory)
            try:
                return read_whole(fd, max_bytes)
            finally:
                os.close(fd)


def read_whole(fd: int, max_bytes: int) -> bytes:
    """Read a kernel file to its end, in several reads, up to about `max_bytes` bytes."""
    pieces: list[bytes] = []
    size = 0
    while size < max_bytes and (piece := os.read(fd, _READ_SIZE)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


@contextmanager
def _exit_as_gone_error(pid: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _GONE:
            raise ProcessGoneError(str(pid)) from error
        raise
