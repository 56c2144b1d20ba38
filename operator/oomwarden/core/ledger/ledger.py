"""The ledger of OOM kills: every increment of the kernel's counters is recorded exactly once.

The kernel counts a kill at the victim's cgroup, then at each ancestor in turn (Linux
mm/memcontrol.c, __memcg_memory_event). So what a parent counted beyond its children happened in a
child that was removed before its counters were read. `Account.recorded` is the part of a cgroup's
counters that is recorded; the difference to the last reading is still unrecorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from oomwarden.core.ledger.account import Account, Attribution, CounterRange, Reading
from oomwarden.core.ledger.attribution import attribute_level, attribute_pod
from oomwarden.core.ledger.log_evidence import LogEvidence
from oomwarden.core.ledger.settle_limits import SettleLimits
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level


@dataclass(slots=True)
class Ledger:
    """All accounts of a node, by cgroup inode. It has no clock and no file of its own."""

    accounts: dict[int, Account] = field(default_factory=dict)

    def open(
        self, cgroup: Cgroup, parent: int | None, recorded: KillCounters | None = None
    ) -> Account:
        """Open the account of a cgroup, or return it if it is open already.

        Args:
            cgroup: The cgroup.
            parent: Inode of the cgroup above it.
            recorded: The part of its counters that is recorded; None: nothing, so that all its
                kills are unrecorded.
        """
        known = self.accounts.get(cgroup.inode)
        if known is not None and known.cgroup == cgroup:
            known.gone, known.parent = False, parent
            return known
        start = recorded or KillCounters()
        account = Account(cgroup, parent, start, start)
        self.accounts[cgroup.inode] = account
        return account

    def observe(self, reading: Reading) -> bool:
        """Store a reading. Return whether `oom_kill` has changed."""
        account = self.accounts.get(reading.inode)
        if account is None:
            return False
        counters = reading.counters(account.observed)
        if counters.oom_kill < account.observed.oom_kill:
            account.epoch += 1
            account.recorded = KillCounters()
        changed = counters.oom_kill != account.observed.oom_kill
        account.observed = counters
        account.limit = reading.limit or account.limit
        return changed

    def mark_gone(self, inode: int) -> None:
        """Mark a cgroup as removed. Its last reading may miss its last kills."""
        if account := self.accounts.get(inode):
            account.gone = True

    def children(self, inode: int) -> list[Account]:
        """List the accounts directly below one, in the order in which they were opened."""
        return [account for account in self.accounts.values() if account.parent == inode]

    def prune(self) -> list[int]:
        """Close the accounts of gone cgroups without unrecorded kills in them and above them.

        Call it after the levels above were read again since the cgroups were removed.

        Returns:
            The inodes of the closed accounts.
        """
        gone = [account for account in self.accounts.values() if account.gone]
        settled = [account for account in gone if not self._is_unrecorded_upward(account)]
        return [inode for account in settled for inode in self.close(account.cgroup.inode)]

    def close(self, inode: int) -> list[int]:
        """Close an account and those below it; return the inodes of those that were open."""
        below = [
            closed for child in self.children(inode) for closed in self.close(child.cgroup.inode)
        ]
        return [*below, inode] if self.accounts.pop(inode, None) else below

    def _is_unrecorded_upward(self, account: Account) -> bool:
        level: Account | None = account
        while level is not None:
            if level.unrecorded.oom_kill > 0:
                return True
            level = self._parent(level)
        return False

    def _parent(self, account: Account) -> Account | None:
        return self.accounts.get(account.parent) if account.parent is not None else None

    def settle_pod(
        self, inode: int, evidence: Sequence[LogEvidence] = (), *, complete: bool = True
    ) -> list[CounterRange]:
        """Record a pod's unrecorded kills, container by container, in consecutive ranges.

        Args:
            inode: The pod's cgroup.
            evidence: Kills that the log places in the pod, the oldest first.
            complete: Whether every container that the pod had has an account.
        """
        pod = self.accounts[inode]
        containers = sorted(self.children(inode), key=lambda account: account.cgroup.path)
        return self._record_all(pod, attribute_pod(pod, containers, evidence, complete=complete))

    def settle_level(
        self,
        inode: int,
        evidence: Sequence[LogEvidence] = (),
        *,
        complete: bool = True,
        limits: SettleLimits | None = None,
    ) -> list[CounterRange]:
        """Record the kills that a QoS class or kubepods counted beyond its children.

        They happened in pods that were removed before their counters were read. Call it only if
        its counters and those of its children are of one moment, or none below has unrecorded
        kills.

        Args:
            inode: The cgroup of the QoS class or of kubepods.
            evidence: Kills that the log places below it, the oldest first.
            complete: Whether every pod that there was has an account.
            limits: Which of them are recorded now; None: all. The others stay unrecorded.
        """
        level, pods = self.accounts[inode], self.children(inode)
        containers = {pod.cgroup.inode: self.children(pod.cgroup.inode) for pod in pods}
        found = attribute_level(level, pods, containers, evidence, complete=complete)
        return self._record_all(level, limits.apply(found) if limits else found)

    def _record_all(
        self, account: Account, attributions: Sequence[Attribution]
    ) -> list[CounterRange]:
        ranges = [
            self._record(account, attribution)
            for attribution in attributions
            if account.unrecorded.oom_kill > 0
        ]
        self._record_oom(account, count_incidents(ranges))
        return ranges

    def _record_oom(self, account: Account, kills: int) -> None:
        """Record one `oom` for each kill. The rest may lead to kills that are not counted yet.

        With many kills at the same time that takes seconds: `oom` rises before the wait for the
        OOM killer's lock (Linux mm/memcontrol.c, mem_cgroup_oom).
        """
        unrecorded = account.unrecorded
        oom, local = (max(min(each, kills), 0) for each in (unrecorded.oom, unrecorded.oom_local))
        account.recorded += KillCounters(0, 0, oom, local)

    def _record(self, account: Account, attribution: Attribution) -> CounterRange:
        start = account.recorded.oom_kill
        kills = min(attribution.kills, account.unrecorded.oom_kill)
        self._add_recorded(account, kills, attribution.groups)
        child = None if attribution.account is None else self.accounts[attribution.account]
        if child is not None:
            observed, total = child.observed, max(child.recorded.oom_kill + kills, 0)
            child.recorded = replace(observed, oom_kill=total)
            child.observed = child.recorded if total > observed.oom_kill else observed
        return CounterRange(
            account=account.cgroup,
            epoch=account.epoch,
            start=start,
            end=start + kills,
            pod=attribution.pod,
            container=attribution.container,
            candidates=attribution.candidates,
            group_kills=attribution.groups,
            container_limit=child.limit if child else None,
        )

    def record_oom_above(self, inode: int, kills: int) -> None:
        """Record the `oom` of all levels above that led to the kills just settled."""
        account = self.accounts[inode]
        while (level := self._parent(account)) is not None:
            self._record_oom(level, kills)
            account = level

    def unrecorded_kills(self) -> int:
        """Count the killed processes that no record covers yet."""
        top = (each for each in self.accounts.values() if each.parent is None)
        return sum(max(each.unrecorded.oom_kill, 0) for each in top)

    def discard_idle_oom(self) -> None:
        """Mark `oom` that led to no kill as recorded, so that it does not explain a later kill.

        Call it once in a while. It applies to cgroups without unrecorded kills whose counters have
        not changed since the last call: `oom` rises some milliseconds before the kill that it
        leads to.
        """
        for account in self.accounts.values():
            observed = account.observed
            if account.unrecorded.oom_kill <= 0 and account.idle_observed == observed:
                account.recorded = replace(
                    account.recorded, oom=observed.oom, oom_local=observed.oom_local
                )
            account.idle_observed = observed

    def _add_recorded(self, account: Account, kills: int, groups: int) -> None:
        """Add to the account and to all its ancestors, as the kernel does."""
        level: Account | None = account
        while level is not None:
            level.recorded += KillCounters(kills, groups)
            level = self._parent(level)


def count_incidents(ranges: Sequence[CounterRange]) -> int:
    """Count decisions of the OOM killer: a group kill is one, whatever the number of processes."""
    return sum(one.group_kills or one.end - one.start for one in ranges)


def unsettled_below(ledger: Ledger, inode: int) -> bool:
    """Return whether a pod anywhere below this level has unrecorded kills."""
    return any(
        child.unrecorded.oom_kill > 0 if child.cgroup.level is Level.POD
        else unsettled_below(ledger, child.cgroup.inode)
        for child in ledger.children(inode)
    )  # fmt: skip
