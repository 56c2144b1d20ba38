"""What the detector passes to the recorder."""

from msgspec import Struct, field

from oomwarden.core.ledger.account import Reading
from oomwarden.core.model.cgroup import Cgroup


class Batch(Struct):
    """What one wake-up of the detector found, in the order in which the recorder applies it."""

    after: float
    """When the counters were last read before this batch, in wall-clock seconds; 0 if never."""
    began: float = 0.0
    """When the reads of this batch began, in monotonic seconds."""
    ended: float = 0.0
    """When the reads of this batch ended, in wall-clock seconds."""
    appeared: list[tuple[Cgroup, int | None]] = field(default_factory=list)
    """New cgroups, each with its parent's inode."""
    readings: list[Reading] = field(default_factory=list)
    vanished: list[Cgroup] = field(default_factory=list)
    reconciled: bool = False
    """Whether the whole tree was rescanned."""
    overrun: bool = False
    """Whether inotify lost events: cgroups may have appeared and vanished unseen."""
    blind: frozenset[int] = frozenset()
    """Inodes of cgroups below which others may have appeared and vanished unseen: there was no
    watch, or a cgroup there could not be opened."""
    unopened: frozenset[int] = frozenset()
    """Inodes of cgroups below which some cannot be opened."""
    is_consistent: bool = False
    """Whether all counters are of one moment: no kill was counted while they were read, and
    nothing went unread. What a cgroup counted beyond its children is then of removed ones."""
    late: tuple[int, ...] = ()
    """Inodes of cgroups that could be opened only now."""

    def __bool__(self) -> bool:
        return bool(self.appeared or self.readings or self.vanished or self.reconciled)
