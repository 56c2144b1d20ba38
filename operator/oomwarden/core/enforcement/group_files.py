"""memory.oom.group of a container: its cgroup's own file, and that of its runtime's sub-cgroup."""

from dataclasses import dataclass, replace

_OWN, _BELOW, _HAS_BELOW = 1, 2, 4
"""Bits of the number that the store keeps; 0 and 1 are what earlier versions kept."""


@dataclass(frozen=True, slots=True)
class GroupFiles:
    """What the files hold. `below` None: the runtime has made no sub-cgroup.

    The kernel kills the highest cgroup that is set between the victim and the level whose limit
    was hit (Linux mm/memcontrol.c, mem_cgroup_get_oom_group), so either makes it a group kill.
    """

    own: bool
    below: bool | None = None

    @property
    def together(self) -> bool:
        """Whether the kernel kills the container as a whole."""
        return self.own or bool(self.below)

    def completed(self, now: "GroupFiles") -> "GroupFiles":
        """Take the sub-cgroup's value from a later look, where there was none before."""
        return replace(self, below=now.below) if self.below is None else self

    @property
    def code(self) -> int:
        """Give the number that the store keeps."""
        below = 0 if self.below is None else _HAS_BELOW + (_BELOW if self.below else 0)
        return (_OWN if self.own else 0) + below

    @classmethod
    def of_code(cls, code: int) -> "GroupFiles":
        """Read the number that the store keeps."""
        below = bool(code & _BELOW) if code & _HAS_BELOW else None
        return cls(bool(code & _OWN), below)
