"""What detection hands over to the books."""

from dataclasses import dataclass, field

from oomwarden.core.ledger.account import Reading
from oomwarden.core.model.cgroup import Cgroup


@dataclass(slots=True)
class Batch:
    """What one wake-up found, in order: new cgroups with their parents, readings, gone ones.

    Wall-clock seconds: `after` is when the counters were read the last time before, `ended` when
    these reads were done; 0 when nobody had read before. `began`: when they began, in monotonic
    seconds. `overrun`: cgroups may have come and gone untold; `blind`: they may have below these,
    by inode, because there was no watch, or what is there could not be opened. `unopened`: there
    are some that cannot be opened. `late`: those that could be opened at last.
    """

    after: float
    began: float = 0.0
    ended: float = 0.0
    appeared: list[tuple[Cgroup, int | None]] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    vanished: list[Cgroup] = field(default_factory=list)
    reconciled: bool = False
    overrun: bool = False
    blind: frozenset[int] = frozenset()
    unopened: frozenset[int] = frozenset()
    late: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.appeared or self.readings or self.vanished or self.reconciled)
