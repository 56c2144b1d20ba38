"""How far a group kill has got, read at this moment. Whatever is gone or cannot be read is over."""

from oomwarden.core.facts import Cgroup
from oomwarden.core.flat_keyed import parse_memory_events
from oomwarden.kernel import cgroup as files
from oomwarden.kernel import oom_group
from oomwarden.kernel.cgroup import CgroupGoneError, CgroupRoot
from oomwarden.kernel.container_processes import held


def is_empty(root: CgroupRoot, cgroup: Cgroup) -> bool:
    """Whether a container has no process any more; also one that is gone, or cannot be read."""
    try:
        with held(root, cgroup) as directory:
            return b"populated 1" not in files.read_at(directory, "cgroup.events").splitlines()
    except (CgroupGoneError, OSError):
        return True


def is_killed_as_group(root: CgroupRoot, cgroup: Cgroup) -> bool:
    """Whether the kernel kills a container as a whole, and counts `oom_group_kill` (Linux 5.17)."""
    try:
        with held(root, cgroup) as directory:
            counted = b"oom_group_kill " in files.read_at(directory, "memory.events")
            return counted and oom_group.read_held(directory).together
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
