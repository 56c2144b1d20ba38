"""What the books ask the kernel at the moment of settling."""

from functools import partial

from oomwarden.agent.recording.recorder import Recorder
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.group_kill import counted_kills, is_empty, is_killed_as_group
from oomwarden.kernel.container.memory import memory_of


def connect_kernel(books: Recorder, cgroups: CgroupRoot) -> None:
    """Let the books read a group kill's progress, and what is charged to a pod."""
    books.empty = partial(is_empty, cgroups)
    books.as_group = partial(is_killed_as_group, cgroups)
    books.counted = partial(counted_kills, cgroups)
    books.settler.charged = partial(memory_of, cgroups)
