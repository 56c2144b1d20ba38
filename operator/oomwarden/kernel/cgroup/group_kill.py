"""How far a group kill has got, read at this moment. Whatever is gone or cannot be read is over."""

from contextlib import suppress

from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.flat_keyed import parse_memory_events
from oomwarden.kernel.cgroup import files, oom_group
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import held
from oomwarden.kernel.cgroup.walk import Walk

MOST_NESTED = 256
"""Cgroups below a container that one look takes: some 20 ms, while a kill waits for its record."""


def is_empty(root: CgroupRoot, cgroup: Cgroup) -> bool:
    """Whether a container has no process any more; also one that is gone, or cannot be read."""
    try:
        with held(root, cgroup) as directory:
            return b"populated 1" not in files.read_at(directory, "cgroup.events").splitlines()
    except (CgroupGoneError, OSError):
        return True


def is_killed_as_group(root: CgroupRoot, cgroup: Cgroup) -> bool:
    """Whether the kernel may kill a container, or what is nested in it, as a group.

    Linux 5.17 and later count such a kill in `oom_group_kill`; an older kernel answers False. A
    container with more than `MOST_NESTED` cgroups may have a group among those not looked at.
    """
    try:
        with held(root, cgroup) as directory:
            counted = _counts_groups(directory)
            return counted and bool(oom_group.read_nested(directory) or _may_nest_group(directory))
    except (CgroupGoneError, OSError):
        return False


def counted_kills(root: CgroupRoot, cgroup: Cgroup) -> int:
    """Give `oom_kill` of memory.events; 0 for a cgroup that is gone or cannot be read."""
    try:
        with held(root, cgroup) as directory:
            events = parse_memory_events(files.read_at(directory, "memory.events"))
    except (CgroupGoneError, OSError):
        return 0
    return events.oom_kill if events else 0


def _counts_groups(directory: int) -> bool:
    """Whether the kernel counts group kills; where there is no such file, memory.oom.group says."""
    with suppress(CgroupGoneError):
        return b"oom_group_kill " in files.read_at(directory, "memory.events")
    return True


def _may_nest_group(directory: int) -> bool:
    walk = Walk(most=MOST_NESTED)
    return any(map(oom_group.read_nested, walk.below(directory))) or walk.unreached > 0
