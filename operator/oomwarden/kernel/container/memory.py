"""memory.current of many containers through open descriptors, and the memory details of one."""

import os
import time
from collections.abc import Iterable

from oomwarden.core.incidents.memory_history import ProcessUsage, UsageDetail, UsageSample, largest
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.memory_stat import Composition, parse_composition, parse_inactive_file
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.descriptors import check_reserve
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import PartialPids, list_pids, open_container
from oomwarden.kernel.proc.process import ProcessGoneError, ProcRoot

MAX_PROCESSES = 1024
"""With more processes, none are read: the largest of a sample would be a guess."""


class UsageFiles:
    """Keeps memory.current open with one descriptor per container. Not thread-safe."""

    def __init__(self, root: CgroupRoot) -> None:
        self._root = root
        self._open: dict[int, int] = {}
        self.unreadable = 0  # number of failed reads

    def read(self, wanted: Iterable[Cgroup], live: frozenset[int]) -> dict[int, UsageSample]:
        """Read the memory usage of containers, by cgroup inode.

        Containers that are gone or cannot be read are omitted.

        Args:
            wanted: The containers to read.
            live: Inodes of all existing containers. Files of all others are closed.
        """
        for inode in self._open.keys() - live:
            os.close(self._open.pop(inode))
        found: dict[int, UsageSample] = {}
        at = time.time()
        for cgroup in wanted:
            try:
                found[cgroup.inode] = UsageSample(at, int(files.read(self._file(cgroup))))
            except CgroupGoneError:
                self._drop(cgroup.inode)
            except (OSError, ValueError):  # for example EMFILE; the next round retries
                self._drop(cgroup.inode)
                self.unreadable += 1
        return found

    def _file(self, cgroup: Cgroup) -> int:
        fd = self._open.get(cgroup.inode)
        if fd is None:
            with open_container(self._root, cgroup) as directory:
                fd = self._open[cgroup.inode] = files.open_at(directory, "memory.current")
            check_reserve(fd)
        return fd

    def _drop(self, inode: int) -> None:
        fd = self._open.pop(inode, None)
        if fd is not None:
            os.close(fd)


def read_usage_detail(root: CgroupRoot, proc: ProcRoot, cgroup: Cgroup) -> UsageDetail:
    """Read the composition of a container's memory, and its largest processes.

    It avoids files that need a process's mmap lock, which a process at its memory limit may hold
    (/proc/PID/cmdline is one; Linux fs/proc/base.c, fs/proc/array.c).

    Raises:
        CgroupGoneError: The container is gone.
        OSError: A file could not be read.
        ValueError: A file could not be parsed.
    """
    with open_container(root, cgroup) as directory:
        now, composition, inactive = _charged(directory)
        found = list_pids(directory)
    few = len(found) <= MAX_PROCESSES and not isinstance(found, PartialPids)
    resident = _resident(proc, found) if few else {}
    processes = (_process(proc, pid) for pid in largest(resident))
    known = tuple(each for each in processes if each)
    return UsageDetail(now, composition, len(found), known, inactive)


def read_charged_memory(root: CgroupRoot, cgroup: Cgroup) -> UsageDetail | None:
    """Read the memory charged to a cgroup. Return None if it is gone or cannot be read."""
    try:
        with open_container(root, cgroup) as directory:
            now, composition, inactive = _charged(directory)
            return UsageDetail(now, composition, 0, inactive_file=inactive)
    except (CgroupGoneError, OSError, ValueError):
        return None


def _charged(directory: int) -> tuple[UsageSample, Composition | None, int]:
    now = UsageSample(time.time(), int(files.read_at(directory, "memory.current")))
    try:
        swap = int(files.read_at(directory, "memory.swap.current"))
    except CgroupGoneError:  # no such file on a kernel without swap
        swap = 0
    stat = files.read_at(directory, "memory.stat")
    composition = parse_composition(stat, swap)
    return now, composition.within(now.usage) if composition else None, parse_inactive_file(stat)


def _resident(proc: ProcRoot, found: list[int]) -> dict[int, int]:
    resident: dict[int, int] = {}
    for pid in found:
        try:
            with proc.open(pid) as process:
                resident[pid] = process.resident_bytes()
        except ProcessGoneError:
            continue
    return resident


def _process(proc: ProcRoot, pid: int) -> ProcessUsage | None:
    try:
        with proc.open(pid) as process:
            return ProcessUsage(pid, process.comm(), process.resident_bytes(), process.score())
    except ProcessGoneError:
        return None
