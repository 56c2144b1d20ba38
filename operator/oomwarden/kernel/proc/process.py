"""A process by the descriptor of its /proc directory: safe against reuse of its pid.

A procfs inode is bound to the kernel's struct pid: once the process is gone every file below the
held directory answers ESRCH or ENOENT, never with a new process (Linux fs/proc/base.c).
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oomwarden.core.parse.memory_stat import parse_resident
from oomwarden.core.parse.proc_stat import parse_birth, parse_start

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_GONE = {errno.ENOENT, errno.ESRCH}
_READ_SIZE = 65536
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
MOUNTINFO_BYTES = 1 << 20
"""Read this much of a mountinfo at most: a container may mount without end."""


class ProcessGoneError(Exception):
    """The process has ended."""


class ProcRoot:
    """The host's /proc. Nothing else forms a path below it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, _DIRECTORY)

    @contextmanager
    def open(self, pid: int) -> Iterator["Process"]:
        """Hold a process's directory.

        Raises:
            ProcessGoneError: there is no such process (any more).
        """
        with _gone_is_normal(pid):
            fd = os.open(str(pid), _DIRECTORY, dir_fd=self._fd)
        try:
            yield Process(pid, fd)
        finally:
            os.close(fd)


class Process:
    """A held process. Every method raises ProcessGoneError once it has ended."""

    def __init__(self, pid: int, directory: int) -> None:
        self.pid = pid
        self._directory = directory

    def start(self) -> int:
        """Give starttime in clock ticks since boot.

        Raises:
            ProcessGoneError: it has ended.
        """
        return parse_start(self._read("stat"))

    def birth(self) -> tuple[int, int]:
        """Give starttime in clock ticks since boot, and the parent's pid.

        Raises:
            ProcessGoneError: it has ended.
        """
        return parse_birth(self._read("stat"))

    def score(self) -> int:
        """Give oom_score_adj.

        Raises:
            ProcessGoneError: it has ended.
        """
        return int(self._read("oom_score_adj"))

    def resident(self) -> int:
        """Give resident memory in bytes.

        Raises:
            ProcessGoneError: it has ended.
        """
        return parse_resident(self._read("statm"), _PAGE_SIZE)

    def command(self) -> bytes:
        """Give comm: any 15 bytes, also newlines.

        Raises:
            ProcessGoneError: it has ended.
        """
        return self._read("comm").removesuffix(b"\n")

    def command_line(self, most: int) -> bytes:
        """Give the first `most` bytes of the arguments, each ended by a NUL; empty: it has none.

        Waits for the process's mmap lock, which its page fault or mmap(2) may hold while memory
        is reclaimed (Linux fs/proc/base.c, get_mm_cmdline): for a thread that may be left behind.

        Raises:
            ProcessGoneError: it has ended.
        """
        with _gone_is_normal(self.pid):
            fd = os.open("cmdline", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory)
            try:
                return os.read(fd, most)
            finally:
                os.close(fd)

    def mountinfo(self) -> bytes:
        """Give the mounts that the process sees.

        Raises:
            ProcessGoneError: it has ended; a zombie has no mounts (EINVAL).
        """
        try:
            return self._read("mountinfo", MOUNTINFO_BYTES)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise ProcessGoneError(str(self.pid)) from error
            raise

    def write_score(self, score: int) -> int:
        """Write oom_score_adj and give what the process holds then.

        Raises:
            ProcessGoneError: it has ended.
            PermissionError: CAP_SYS_RESOURCE (to lower) or CAP_DAC_OVERRIDE (processes of other
                users) is missing (Linux fs/proc/base.c, __set_oom_adj).
        """
        with _gone_is_normal(self.pid):
            fd = os.open("oom_score_adj", os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._directory)
            try:
                os.write(fd, b"%d" % score)
            finally:
                os.close(fd)
        return self.score()

    def _read(self, name: str, most: int = _READ_SIZE) -> bytes:
        with _gone_is_normal(self.pid):
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory)
            try:
                return read_whole(fd, most)
            finally:
                os.close(fd)


def read_whole(fd: int, most: int) -> bytes:
    """Read a kernel file that comes in pieces, up to about `most` bytes."""
    pieces: list[bytes] = []
    size = 0
    while size < most and (piece := os.read(fd, _READ_SIZE)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


@contextmanager
def _gone_is_normal(pid: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _GONE:
            raise ProcessGoneError(str(pid)) from error
        raise
