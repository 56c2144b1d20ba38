"""memory.oom.group of a container: the file of its cgroup, and that of its runtime's sub-cgroup."""

from msgspec import Struct
from msgspec.structs import replace

_OWN, _BELOW, _HAS_BELOW = 1, 2, 4
"""Bits of the number in the store; 0 and 1 are what earlier versions stored."""


class GroupFiles(Struct, frozen=True):
    """The values of the files.

    The kernel kills the highest cgroup that is set between the victim and the level whose limit was
    hit (Linux mm/memcontrol.c, mem_cgroup_get_oom_group), so either one causes a group kill.

    Attributes:
        own: The container's cgroup.
        below: The sub-cgroup; None if the runtime has not created one.
    """

    own: bool
    below: bool | None = None

    @property
    def is_group_kill(self) -> bool:
        """Return whether the kernel kills the container as a whole."""
        return self.own or bool(self.below)

    def completed(self, now: "GroupFiles") -> "GroupFiles":
        """Return the values with the sub-cgroup's added from a later reading, if it was missing."""
        return replace(self, below=now.below) if self.below is None else self

    @property
    def code(self) -> int:
        """Return the number for the store."""
        below = 0 if self.below is None else _HAS_BELOW + (_BELOW if self.below else 0)
        return (_OWN if self.own else 0) + below

    @classmethod
    def of_code(cls, code: int) -> "GroupFiles":
        """Return the values for a number of the store."""
        below = bool(code & _BELOW) if code & _HAS_BELOW else None
        return cls(bool(code & _OWN), below)
