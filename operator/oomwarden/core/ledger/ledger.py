"""The ledger of OOM kills: every increment of the kernel's counters is recorded exactly once.

The kernel counts a kill at the victim's cgroup, then at each ancestor in turn (Linux
mm/memcontrol.c, __memcg_memory_event). So what a parent counted beyond its children happened in a
child that was removed before its counters were read. `Account.recorded` is the part of a cgroup's
counters that is recorded; the difference to the last reading is still unrecorded.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.core.ledger.account import Account, Attribution, CounterRange, Reading
from oomwarden.core.ledger.attribution import attribute_level, attribute_pod, count_incidents
from oomwarden.core.ledger.log_evidence import LogEvidence
from oomwarden.core.ledger.settle_limits import SettleLimits
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level


class Ledger(Struct):
    """All accounts of a node. It has no clock and no file of its own.

    Attributes:
        accounts: By cgroup inode; only `open` and `close` add and remove them.
        above: Those of the levels above the pods.
        version: Rises whenever an account has changed; whoever changes one from outside raises it.
    """

    accounts: dict[int, Account] = field(default_factory=dict)
    above: dict[int, Account] = field(default_factory=dict)
    version: int = 0
    _below: dict[int, dict[int, Account]] = field(default_factory=dict)  # by parent, then by inode
    _gone: dict[int, None] = field(default_factory=dict)  # in the order in which they went
    _unrecorded: dict[int, int] = field(default_factory=dict)
    _unrecorded_at: int = -1  # the version
    _moved: set[int] = field(default_factory=set)  # `oom` that led to no kill may be left there

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
        if known is not None:
            self._take_from_parent(known)
        if known is None or known.cgroup != cgroup:
            start = recorded or KillCounters()
            self.accounts[cgroup.inode] = known = Account(cgroup, parent, start, start)
        known.gone, known.parent = False, parent
        self._gone.pop(cgroup.inode, None)
        if cgroup.level in {Level.KUBEPODS, Level.QOS}:
            self.above[cgroup.inode] = known
        if parent is not None:
            self._below.setdefault(parent, {})[cgroup.inode] = known
        self._note(cgroup.inode)
        return known

    def observe(self, reading: Reading) -> bool:
        """Store a reading. Return whether `oom_kill` has changed."""
        account = self.accounts.get(reading.inode)
        if account is None:
            return False
        account.limit = reading.limit or account.limit
        counters = reading.counters(account.observed)
        if counters == account.observed:
            return False
        if counters.oom_kill < account.observed.oom_kill:
            account.epoch += 1
            account.recorded = KillCounters()
        changed = counters.oom_kill != account.observed.oom_kill
        account.observed = counters
        self._note(reading.inode)
        return changed

    def mark_gone(self, inode: int) -> None:
        """Mark a cgroup as removed. Its last reading may miss its last kills."""
        if account := self.accounts.get(inode):
            account.gone = True
            self._gone[inode] = None

    def children(self, inode: int) -> list[Account]:
        """List the accounts directly below one, the oldest first."""
        return list(self._below.get(inode, {}).values())

    def prune(self) -> list[int]:
        """Close the accounts of gone cgroups without unrecorded kills in them and above them.

        Call it after the levels above were read again since the cgroups were removed. It returns
        the inodes of the closed accounts.
        """
        settled = [account for account in self.removed() if not self._owes(account)]
        return [inode for account in settled for inode in self.close(account.cgroup.inode)]

    def removed(self) -> list[Account]:
        """List the accounts of removed cgroups, those that went first first."""
        return [self.accounts[inode] for inode in self._gone]

    def close(self, inode: int) -> list[int]:
        """Close an account and those below it; return the inodes of those that were open."""
        below = [
            closed for child in self.children(inode) for closed in self.close(child.cgroup.inode)
        ]
        account = self.accounts.pop(inode, None)
        if account is None:
            return below
        self._take_from_parent(account)
        self._gone.pop(inode, None)
        self.above.pop(inode, None)
        self._moved.discard(inode)
        self.version += 1
        return [*below, inode]

    def _owes(self, account: Account) -> bool:
        return any(level.has_unrecorded for level in self._upward(account))

    def _upward(self, account: Account) -> Iterator[Account]:
        """Yield the account and those above it."""
        level: Account | None = account
        while level is not None:
            yield level
            level = self.accounts.get(level.parent) if level.parent is not None else None

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
            if account.has_unrecorded
        ]
        self._note(account.cgroup.inode)
        account.record_oom(count_incidents(ranges))
        return ranges

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
        for level in list(self._upward(self.accounts[inode]))[1:]:
            level.record_oom(kills)

    def unrecorded(self) -> Mapping[int, int]:
        """Return the unrecorded kills of the cgroups that have any, by inode; see `Account`."""
        if self._unrecorded_at != self.version:
            known = ((inode, each.unrecorded_kills) for inode, each in self.accounts.items())
            self._unrecorded = {inode: kills for inode, kills in known if kills}
            self._unrecorded_at = self.version
        return self._unrecorded

    def unrecorded_kills(self) -> int:
        """Count the killed processes that no record covers yet."""
        top = (each for each in self.above.values() if each.parent is None)
        return sum(max(each.unrecorded_kills, 0) for each in top)

    def discard_idle_oom(self) -> None:
        """Mark `oom` that led to no kill as recorded, so that it does not explain a later kill.

        Call it once in a while. It applies to cgroups without unrecorded kills and without a change
        since the last call: `oom` rises some milliseconds before the kill that it leads to.
        """
        for inode in list(self._moved):
            account = self.accounts[inode]
            observed = account.observed
            if not account.has_unrecorded and account.idle_observed == observed:
                account.recorded = replace(
                    account.recorded, oom=observed.oom, oom_local=observed.oom_local
                )
                self._moved.discard(inode)
                self.version += 1
            account.idle_observed = observed

    def _note(self, inode: int) -> None:
        self._moved.add(inode)
        self.version += 1

    def _take_from_parent(self, account: Account) -> None:
        siblings = self._below.get(account.parent or 0, {})
        siblings.pop(account.cgroup.inode, None)
        if not siblings:
            self._below.pop(account.parent or 0, None)

    def _add_recorded(self, account: Account, kills: int, groups: int) -> None:
        """Add to the account and to all its ancestors, as the kernel does."""
        for level in self._upward(account):
            level.recorded += KillCounters(kills, groups)
