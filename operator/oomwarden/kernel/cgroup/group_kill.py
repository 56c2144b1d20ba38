"""The progress of a group kill, read from the cgroup now.

A cgroup that is gone or cannot be read counts as finished.
"""

from contextlib import suppress

from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.flat_keyed import parse_memory_events
from oomwarden.kernel.cgroup import files, oom_group
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import open_container
from oomwarden.kernel.cgroup.walk import Walk

MAX_NESTED = 256
"""Nested cgroups read per call, which takes some 20 ms while the record of a kill waits."""


def is_empty(root: CgroupRoot, cgroup: Cgroup) -> bool:
    """Return whether a container has no process left, is gone, or cannot be read."""
    try:
        with open_container(root, cgroup) as directory:
            return b"populated 1" not in files.read_at(directory, "cgroup.events").splitlines()
    except (CgroupGoneError, OSError):
        return True


def is_killed_as_group(root: CgroupRoot, cgroup: Cgroup) -> bool:
    """Return whether the kernel may kill a container, or a cgroup nested in it, as a group.

    Linux 5.17 and later count such a kill in `oom_group_kill`; on an older kernel the result is
    False. The result is True for a container with more than `MAX_NESTED` cgroups, since the rest
    may include such a group.
    """
    try:
        with open_container(root, cgroup) as directory:
            counted = _counts_groups(directory)
            return counted and bool(oom_group.read_nested(directory) or _may_nest_group(directory))
    except (CgroupGoneError, OSError):
        return False


def read_oom_kills(root: CgroupRoot, cgroup: Cgroup) -> int:
    """Return `oom_kill` of memory.events, or 0 if the cgroup is gone or cannot be read."""
    try:
        with open_container(root, cgroup) as directory:
            events = parse_memory_events(files.read_at(directory, "memory.events"))
    except (CgroupGoneError, OSError):
        return 0
    return events.oom_kill if events else 0


def _counts_groups(directory: int) -> bool:
    """Return whether the kernel counts group kills.

    True without memory.events: memory.oom.group then decides.
    """
    with suppress(CgroupGoneError):
        return b"oom_group_kill " in files.read_at(directory, "memory.events")
    return True


def _may_nest_group(directory: int) -> bool:
    walk = Walk(max_cgroups=MAX_NESTED)
    return any(map(oom_group.read_nested, walk.descend(directory))) or walk.unreached > 0
