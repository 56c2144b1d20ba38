"""memory.current of many containers through kept descriptors, and a closer look at one."""

import os
import time
from collections.abc import Iterable

from oomwarden.core.incidents.memory_history import ProcessUsage, UsageDetail, UsageSample, largest
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.memory_stat import Composition, parse_composition
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.descriptors import leave_reserve
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import PartOfPids, held, pids
from oomwarden.kernel.proc.process import ProcessGoneError, ProcRoot

MAX_PROCESSES = 1024
"""Look at no more: with a part of them only, the largest would be a guess."""


class UsageFiles:
    """Keeps memory.current open, one descriptor per container. Used by one thread at a time."""

    def __init__(self, root: CgroupRoot) -> None:
        self._root = root
        self._open: dict[int, int] = {}
        self.unreadable = 0  # times that a file could not be read or understood

    def read(self, wanted: Iterable[Cgroup], live: frozenset[int]) -> dict[int, UsageSample]:
        """Read the usage of the wanted containers, by cgroup inode.

        Those that are gone or cannot be read are left out.

        Args:
            wanted: The containers to read.
            live: Inodes of all containers that there are: the files of all others are closed.
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
            except (OSError, ValueError):  # out of descriptors, say: the next round tries again
                self._drop(cgroup.inode)
                self.unreadable += 1
        return found

    def _file(self, cgroup: Cgroup) -> int:
        fd = self._open.get(cgroup.inode)
        if fd is None:
            with held(self._root, cgroup) as directory:
                fd = self._open[cgroup.inode] = files.open_at(directory, "memory.current")
            leave_reserve(fd)
        return fd

    def _drop(self, inode: int) -> None:
        fd = self._open.pop(inode, None)
        if fd is not None:
            os.close(fd)


def usage_detail(root: CgroupRoot, proc: ProcRoot, cgroup: Cgroup) -> UsageDetail:
    """Look at what a container's memory consists of, and at its largest processes.

    Reads nothing that takes a process's mmap lock, which a process at its limit may hold
    (/proc/PID/cmdline would; Linux fs/proc/base.c, fs/proc/array.c).

    Raises:
        CgroupGoneError: the container is gone.
        OSError: a file could not be read.
        ValueError: a file could not be understood.
    """
    with held(root, cgroup) as directory:
        now, composition = _charged(directory)
        found = pids(directory)
    few = len(found) <= MAX_PROCESSES and not isinstance(found, PartOfPids)
    resident = _resident(proc, found) if few else {}
    processes = (_process(proc, pid) for pid in largest(resident))
    return UsageDetail(now, composition, len(found), tuple(each for each in processes if each))


def memory_of(root: CgroupRoot, cgroup: Cgroup) -> UsageDetail | None:
    """Read what is charged to a cgroup; None: it is gone, or its files cannot be read."""
    try:
        with held(root, cgroup) as directory:
            return UsageDetail(*_charged(directory), 0)
    except (CgroupGoneError, OSError, ValueError):
        return None


def _charged(directory: int) -> tuple[UsageSample, Composition | None]:
    now = UsageSample(time.time(), int(files.read_at(directory, "memory.current")))
    try:
        swap = int(files.read_at(directory, "memory.swap.current"))
    except CgroupGoneError:  # a kernel without swap has no such file
        swap = 0
    composition = parse_composition(files.read_at(directory, "memory.stat"), swap)
    return now, composition.within(now.usage) if composition else None


def _resident(proc: ProcRoot, found: list[int]) -> dict[int, int]:
    resident: dict[int, int] = {}
    for pid in found:
        try:
            with proc.open(pid) as process:
                resident[pid] = process.resident()
        except ProcessGoneError:
            continue
    return resident


def _process(proc: ProcRoot, pid: int) -> ProcessUsage | None:
    try:
        with proc.open(pid) as process:
            return ProcessUsage(pid, process.command(), process.resident(), process.score())
    except ProcessGoneError:
        return None
