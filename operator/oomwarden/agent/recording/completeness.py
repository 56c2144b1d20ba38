"""Which kills elimination must not attribute: some container may have come and gone unseen."""

from collections.abc import Set as AbstractSet

from msgspec import Struct, field

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.recording.settler import Settler
from oomwarden.core.ledger.log_evidence import evidence_below
from oomwarden.core.ledger.settling import PendingKill
from oomwarden.core.model.cgroup import Level

UNOPENED_SECONDS = 30.0
"""How long a kill that the log does not explain waits for a cgroup that cannot be opened."""


class Completeness(Struct):
    """The cgroups with unrecorded kills below which some container may be unknown, by inode."""

    settler: Settler
    _blind: set[int] = field(default_factory=set)
    _unopened: set[int] = field(default_factory=set)  # it, or something at any depth below it

    def start(self) -> None:
        """Distrust all kills that are unrecorded at the start: what came before went unseen."""
        self._blind = self.unrecorded()

    def observe(self, batch: Batch) -> None:
        """Distrust what is unrecorded now where this batch may have missed something."""
        self._unopened = self._above(batch.unopened)
        self.settler.inventory.partly_seen = bool(batch.unopened)
        if batch.overrun:
            self._blind |= self.unrecorded()
        elif batch.blind:
            self._blind |= self.unrecorded() & self._above(batch.blind)

    def is_complete(self, inode: int) -> bool:
        """Return whether the ledger knows every container that there was."""
        return inode not in self._blind

    def is_waiting(self, inode: int, pending: PendingKill, now: float) -> bool:
        """Return whether a cgroup that cannot be opened may soon explain what the log does not."""
        if inode not in self._unopened or now - pending.first >= UNOPENED_SECONDS:
            return False
        account = self.settler.ledger.accounts[inode]
        seen = evidence_below(account.cgroup, self.settler.log.unclaimed())
        return sum(one.most for one in seen) < account.unrecorded.oom_kill

    def distrust(self, inodes: AbstractSet[int]) -> None:
        """Distrust cgroups below which an account was closed early, while they have such kills."""
        self._blind |= inodes & self.unrecorded()

    def trust(self, inodes: AbstractSet[int]) -> None:
        """Trust cgroups again: whatever was missed below them is recorded."""
        self._blind -= inodes - self._pods_unrecorded()

    def _pods_unrecorded(self) -> set[int]:
        accounts = self.settler.ledger.accounts
        return {i for i in self.unrecorded() if accounts[i].cgroup.level is Level.POD}

    def reset(self) -> None:
        """Trust everything once no kill is unrecorded."""
        self._blind.clear()

    def unrecorded(self) -> set[int]:
        """Return the cgroups with unrecorded kills, by inode."""
        return {inode for inode, kills in self.settler.ledger.unrecorded().items() if kills > 0}

    def _above(self, blind: frozenset[int]) -> set[int]:
        """Add the cgroups above these: a pod that goes unread shows only there."""
        accounts, found = self.settler.ledger.accounts, set[int]()
        for inode in blind:
            level: int | None = inode
            while level is not None and level not in found and level in accounts:
                found.add(level)
                level = accounts[level].parent
        return found
