"""The processes among which the kernel chooses, and the memory of the containers they are in."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from oomwarden.core.badness.machine_reading import CgroupMemory
from oomwarden.core.badness.normalized import memory_use
from oomwarden.core.badness.ranking import Candidate
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.flat_keyed import parse_limit
from oomwarden.core.parse.proc_status import parse_vm_sizes
from oomwarden.kernel.cgroup import files, oom_group
from oomwarden.kernel.cgroup.files import CgroupGoneError
from oomwarden.kernel.cgroup.members import list_pids, open_container
from oomwarden.kernel.proc.process import ProcessGoneError, ProcRoot
from oomwarden.kernel.roots import HostRoots

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
MAX_CANDIDATES = 8192
MAX_SECONDS = 1.5
"""Bounds a reading. It is less than the time-out of the agent's workers."""
_FIRST_PID = 1


class CandidateReading(Struct, frozen=True):
    """What was read.

    Attributes:
        candidates: The processes that have memory.
        unread: How many processes were left out, because there are too many.
        containers: The memory of the given containers; None for those that are gone.
        pods: The memory of their pods, by the path of their cgroups.
    """

    candidates: tuple[Candidate, ...]
    unread: int
    containers: tuple[CgroupMemory | None, ...]
    pods: Mapping[str, CgroupMemory]


def read_candidates(
    roots: HostRoots, containers: Sequence[Cgroup], *, is_first_namespace: bool
) -> CandidateReading:
    """Read all processes of this machine, as far as they are visible.

    Args:
        roots: The host's cgroups and processes.
        containers: The containers; the candidates refer to them by index.
        is_first_namespace: PID 1 is the first process of the machine, which is never killed.

    Raises:
        OSError: The processes could not be listed.
    """
    until = time.monotonic() + MAX_SECONDS
    places: dict[int, int] = {}
    memory: list[CgroupMemory | None] = []
    for index, cgroup in enumerate(containers):
        found, members = _read_container(roots, cgroup)
        memory.append(found)
        places |= dict.fromkeys(members, index)
    listed = sorted(roots.proc.pids(), key=lambda pid: (pid not in places, pid))
    protected = _FIRST_PID if is_first_namespace else None
    found_all, visited = _read_processes(roots.proc, listed, places, protected, until)
    pods = _read_pods(roots, {_parent(each) for each in containers})
    return CandidateReading(tuple(found_all), len(listed) - visited, tuple(memory), pods)


def _parent(cgroup: Cgroup) -> str:
    return cgroup.path.rpartition("/")[0]


def _read_processes(
    proc: ProcRoot,
    listed: Sequence[int],
    places: Mapping[int, int],
    protected: int | None,
    until: float,
) -> tuple[list[Candidate], int]:
    """Return the candidates, and how many processes were visited."""
    found: list[Candidate] = []
    for visited, pid in enumerate(listed):
        if len(found) >= MAX_CANDIDATES or time.monotonic() > until:
            return found, visited
        with suppress(ProcessGoneError, PermissionError):
            one = _read_process(proc, pid, places.get(pid), protected)
            found += [one] if one else []
    return found, len(listed)


def _read_process(
    proc: ProcRoot, pid: int, container: int | None, protected: int | None
) -> Candidate | None:
    with proc.open(pid) as process:
        use = memory_use(parse_vm_sizes(process.status()), PAGE_SIZE)
        if use is None:
            return None
        unit = process.cgroup_name() if container is None else ""
        return Candidate(
            pid,
            process.comm().decode(errors="backslashreplace"),
            use,
            process.score(),
            container,
            unit,
            pid == protected,
        )


def _read_container(roots: HostRoots, cgroup: Cgroup) -> tuple[CgroupMemory | None, list[int]]:
    try:
        with open_container(roots.cgroups, cgroup) as directory:
            found = _memory(directory, is_group_kill=_is_group_kill(directory))
            return found, list_pids(directory)
    except (CgroupGoneError, OSError):
        return None, []


def _is_group_kill(directory: int) -> bool:
    try:
        return oom_group.read_container(directory).is_group_kill
    except (CgroupGoneError, OSError):  # a cgroup without the memory controller
        return False


def _read_pods(roots: HostRoots, paths: Iterable[str]) -> dict[str, CgroupMemory]:
    found: dict[str, CgroupMemory] = {}
    for path in paths:
        with suppress(CgroupGoneError, OSError):
            directory = roots.cgroups.open_directory(path)
            try:
                found[path] = _memory(directory, is_group_kill=False)
            finally:
                os.close(directory)
    return found


def _memory(directory: int, *, is_group_kill: bool) -> CgroupMemory:
    limit = _amount(directory, "memory.max")
    swap = _amount(directory, "memory.swap.max")
    return CgroupMemory(limit, swap, _amount(directory, "memory.current"), is_group_kill)


def _amount(directory: int, name: str) -> int | None:
    """Return a number of bytes; None for `max`, or if there is no such file (no swap)."""
    try:
        return parse_limit(files.read_at(directory, name))
    except (CgroupGoneError, OSError, ValueError):
        return None
