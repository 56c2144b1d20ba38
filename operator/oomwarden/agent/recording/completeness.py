"""Kills that elimination must not place: some container may have come and gone unseen."""

from dataclasses import dataclass, field

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.recording.settler import Settler
from oomwarden.core.ledger.log_evidence import evidence_below
from oomwarden.core.ledger.settling import PendingKill

UNOPENED_SECONDS = 30.0
"""How long a kill that the log does not explain waits for a cgroup that cannot be opened."""


@dataclass(slots=True)
class Completeness:
    """By inode, the cgroups that owe kills of which not all that there was is known."""

    settler: Settler
    _blind: set[int] = field(default_factory=set)
    _unopened: set[int] = field(default_factory=set)  # it, or something at any depth below it

    def start(self) -> None:
        """Doubt all that is owed at the start: nobody has seen what was there before."""
        self._blind = self.unrecorded()

    def observe(self, batch: Batch) -> None:
        """Doubt what is owed now where this batch may have missed something."""
        self._unopened = self._above(batch.unopened)
        self.settler.inventory.partly_seen = bool(batch.unopened)
        self._blind |= self.unrecorded() if batch.overrun else self.unrecorded() & self._above(batch.blind)

    def is_complete(self, inode: int) -> bool:
        """Whether every container that there was is in the books."""
        return inode not in self._blind

    def is_waiting(self, inode: int, owing: PendingKill, now: float) -> bool:
        """Whether something that cannot be opened may soon tell what the log does not."""
        if inode not in self._unopened or now - owing.first >= UNOPENED_SECONDS:
            return False
        account = self.settler.ledger.accounts[inode]
        seen = evidence_below(account.cgroup, self.settler.log.unclaimed())
        return sum(one.most for one in seen) < account.unrecorded.oom_kill

    def reset(self) -> None:
        """Begin afresh once nothing is owed."""
        self._blind.clear()

    def unrecorded(self) -> set[int]:
        """Give the cgroups that owe kills, by inode."""
        accounts = self.settler.ledger.accounts.items()
        return {inode for inode, account in accounts if account.unrecorded.oom_kill > 0}

    def _above(self, blind: frozenset[int]) -> set[int]:
        """Add the cgroups above these: a pod that goes unread is looked for there."""
        accounts, found = self.settler.ledger.accounts, set[int]()
        for inode in blind:
            level: int | None = inode
            while level is not None and level not in found and level in accounts:
                found.add(level)
                level = accounts[level].parent
        return found
