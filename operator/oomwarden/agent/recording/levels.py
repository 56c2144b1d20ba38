"""Kills of pods that were removed unread: only a QoS class, or kubepods, has counted them.

While nothing below has unrecorded kills, they are all settled together. A storm may never rest that
long. Then readings of one moment show how many there are, and what the log explains is settled. The
rest waits until no removed pod below has unrecorded kills, but not without end.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.recording.completeness import Completeness
from oomwarden.agent.recording.settler import Settler
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.ledger.log_evidence import evidence_below
from oomwarden.core.ledger.settle_limits import SettleLimits
from oomwarden.core.ledger.settling import STILL_SECONDS, PendingKill, SettleQueue
from oomwarden.core.ledger.unread_kills import UnreadKills, unread_below, unsettled_below
from oomwarden.core.model.cgroup import Cgroup, Level

REST_SECONDS = 60.0
"""How long a removed pod that the API server has not listed is waited for, and an explanation."""


@dataclass(slots=True)
class LevelSettler:
    """Settles the levels above the pods.

    Attributes:
        settler: Makes incidents of them.
        pending: The pods and levels with unrecorded kills.
        completeness: Knows where some cgroup may be unknown.
        unread: The kills of removed cgroups.
    """

    settler: Settler
    pending: SettleQueue
    completeness: Completeness
    unread: UnreadKills = field(init=False)

    def __post_init__(self) -> None:
        self.unread = UnreadKills(self.settler.ledger)

    def observe(self, batch: Batch) -> list[int]:
        """Take the readings of a batch; return the inodes of accounts that were closed."""
        removed = [cgroup.inode for cgroup in batch.vanished]
        at = batch.began if batch.is_consistent else None
        closed = self.unread.observe(removed, at, self._named())
        self.completeness.distrust(self.unread.distrusted)
        if batch.is_consistent:
            self.completeness.trust({i for i, kills in self.unread.now.items() if kills <= 0})
        return closed

    def _named(self) -> set[str | None]:
        """Return the UIDs of pods with kills in the log that are not recorded."""
        log = self.settler.log.unclaimed()
        above = self.settler.ledger.above.values() if log else ()
        return {one.pod.pod_uid for each in above for one in evidence_below(each.cgroup, log)}

    def note(self, now: float, last: Batch) -> None:
        """Note the levels with unread kills."""
        ledger = self.settler.ledger
        if not self.settler.inventory.synced:
            return  # no pod could be named yet
        for account in ledger.above.values():
            inode = account.cgroup.inode
            if account.unrecorded_kills <= 0:
                continue
            if last.is_consistent or not unsettled_below(ledger, inode):
                self._note(inode, now, last, unread_below(ledger, inode))

    def _note(self, inode: int, now: float, last: Batch, kills: int) -> None:
        known = self.pending.pods.get(inode)
        if kills > (known.kills if known else 0):
            pending = self.pending.touch(inode, now, last.after, last.ended)
            pending.rest = pending.rest if known else kills
            pending.kills = kills

    def counted_from(self, unrecorded: AbstractSet[int]) -> float:
        """Return the event-loop time after which every unrecorded kill was counted."""
        accounts, pending = self.settler.ledger.accounts, self.pending.pods
        pods = [i for i in unrecorded if accounts[i].cgroup.level is Level.POD]
        since = [pending[i].since if i in pending else 0.0 for i in pods]
        return min([self.unread.none_before(), *since])

    def settle(self, inode: int, now: float) -> tuple[list[Incident], int]:
        """Settle what can be settled of a level.

        Returns:
            The incidents, and how many others are of a pod that is not known.
        """
        pending, waited = self.pending.pods[inode], self._has_waited(inode, now)
        certain = not self._is_contended(inode) and self.settler.all_pods_known(inode)
        rest = pending.rest if waited else pending.kills
        limits = SettleLimits(
            pending.kills, rest if waited or certain else 0, self._is_final(inode, now)
        )
        complete = (waited or certain) and self.completeness.is_complete(inode)
        before = unread_below(self.settler.ledger, inode)
        found = self.settler.settle_level(inode, pending, complete=complete, limits=limits)
        after = unread_below(self.settler.ledger, inode)
        self.unread.record(inode, before - after, unexplained=limits.unexplained)
        pending.rest = min(pending.rest, limits.unexplained)
        self._keep(inode, pending, after, now)
        return found

    def _keep(self, inode: int, pending: PendingKill, left: int, now: float) -> None:
        """Keep what is left, as long as there is something. The wait is that of the rest alone."""
        if left <= 0:
            del self.pending.pods[inode]
            return
        pending.kills = left
        if not pending.rest or now - pending.first >= REST_SECONDS:
            pending.first, pending.rest = now, left
        self.pending.defer(inode, now)

    def _has_waited(self, inode: int, now: float) -> bool:
        pending = self.pending.pods[inode]
        return now - pending.first >= REST_SECONDS and now - pending.last >= STILL_SECONDS

    def _is_contended(self, inode: int) -> bool:
        """Return whether a removed pod has unrecorded kills of its own: it may have more."""
        return any(a.gone and a.unrecorded_kills > 0 for a in self.settler.ledger.children(inode))

    def _is_final(self, inode: int, now: float) -> Callable[[Cgroup], bool]:
        """Return a function that knows whether a pod is known, or was waited for."""
        settler, level = self.settler, self.settler.ledger.accounts[inode].cgroup
        old = evidence_below(level, settler.log.unclaimed(now - REST_SECONDS))
        waited = {one.pod.path for one in old}
        return lambda pod: settler.inventory.pod(pod) is not None or pod.path in waited
