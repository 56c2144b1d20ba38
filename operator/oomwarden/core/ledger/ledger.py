"""The books of OOM kills: every increment of the kernel's counters is booked exactly once.

The kernel books a kill at the victim's cgroup, then at each ancestor in turn (Linux
mm/memcontrol.c, __memcg_memory_event). So what a parent has and its children do not explain
belongs to a child that vanished unread. `booked` is what has been told of a cgroup's counters;
the difference to the last reading is still owed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from oomwarden.core.ledger.account import Account, CounterRange, KillCounters, Reading
from oomwarden.core.ledger.attribution import Attribution, attribute_level, attribute_pod
from oomwarden.core.ledger.log_evidence import LogEvidence
from oomwarden.core.model.cgroup import Cgroup, Level


@dataclass(slots=True)
class Ledger:
    """All accounts of a node, by cgroup inode. Owns no clock and no file."""

    accounts: dict[int, Account] = field(default_factory=dict)

    def open(
        self, cgroup: Cgroup, parent: int | None, booked: KillCounters | None = None
    ) -> Account:
        """Begin the books of a cgroup. A new one starts at nothing: all its kills are owed."""
        known = self.accounts.get(cgroup.inode)
        if known is not None and known.cgroup == cgroup:
            known.gone, known.parent = False, parent
            return known
        start = booked or KillCounters()
        account = Account(cgroup, parent, start, start)
        self.accounts[cgroup.inode] = account
        return account

    def read(self, reading: Reading) -> bool:
        """Take a reading; True when kills are owed that were not before."""
        account = self.accounts.get(reading.inode)
        if account is None:
            return False
        tally = reading.counters(account.observed)
        if tally.oom_kill < account.observed.oom_kill:
            account.epoch += 1
            account.recorded = KillCounters()
        moved = tally.oom_kill != account.observed.oom_kill
        account.observed = tally
        account.limit = reading.limit or account.limit
        return moved

    def vanish(self, inode: int) -> None:
        """Note that a cgroup was removed: its last reading may miss its last kills."""
        if account := self.accounts.get(inode):
            account.gone = True

    def children(self, inode: int) -> list[Account]:
        """List the accounts directly below one, in the order in which they were opened."""
        return [account for account in self.accounts.values() if account.parent == inode]

    def prune(self) -> list[int]:
        """Forget gone cgroups that owe nothing, where nothing above them owes either.

        Call it after readings that are younger than their vanishing. Gives their inodes.
        """
        gone = [account for account in self.accounts.values() if account.gone]
        settled = [account for account in gone if not self._owes_upward(account)]
        return [inode for account in settled for inode in self._forget(account)]

    def _owes_upward(self, account: Account) -> bool:
        level: Account | None = account
        while level is not None:
            if level.unrecorded.oom_kill > 0:
                return True
            level = self._parent(level)
        return False

    def _parent(self, account: Account) -> Account | None:
        return self.accounts.get(account.parent) if account.parent is not None else None

    def settle_pod(
        self, inode: int, seen: Sequence[LogEvidence] = (), *, complete: bool = True
    ) -> list[CounterRange]:
        """Book what a pod owes, container by container, in consecutive ranges.

        `seen` is what the log tells of it; `complete`: every container that there was is known.
        """
        pod = self.accounts[inode]
        containers = sorted(self.children(inode), key=lambda account: account.cgroup.path)
        return self._record_all(pod, attribute_pod(pod, containers, seen, complete=complete))

    def settle_level(
        self, inode: int, seen: Sequence[LogEvidence] = (), *, complete: bool = True
    ) -> list[CounterRange]:
        """Book what a QoS class or kubepods owes beyond its children: pods that went unread.

        Call it only when nothing below is unsettled.
        """
        level, pods = self.accounts[inode], self.children(inode)
        containers = {pod.cgroup.inode: self.children(pod.cgroup.inode) for pod in pods}
        claims = attribute_level(level, pods, containers, seen, complete=complete)
        return self._record_all(level, claims)

    def _record_all(self, account: Account, claims: Sequence[Attribution]) -> list[CounterRange]:
        bookings = [
            self._record(account, claim) for claim in claims if account.unrecorded.oom_kill > 0
        ]
        self._record_oom(account, count_incidents(bookings))
        return bookings

    def _record_oom(self, account: Account, kills: int) -> None:
        """Book one `oom` for each kill: what is left may lead to kills that are not counted yet.

        In a storm that takes seconds: `oom` rises before the wait for the OOM killer's lock (Linux
        mm/memcontrol.c, mem_cgroup_oom).
        """
        booked, owed = account.recorded, account.unrecorded
        oom, local = (max(min(each, kills), 0) for each in (owed.oom, owed.oom_local))
        account.recorded = booked + KillCounters(0, 0, oom, local)

    def _record(self, account: Account, claim: Attribution) -> CounterRange:
        start = account.recorded.oom_kill
        kills = min(claim.kills, account.unrecorded.oom_kill)
        self._add(account, kills, claim.groups)
        child = self.accounts[claim.account] if claim.account is not None else None
        if child is not None:
            booked, seen = child.recorded, child.observed
            total = max(booked.oom_kill + kills, 0)
            child.recorded = KillCounters(total, seen.oom_group_kill, seen.oom, seen.oom_local)
            child.observed = child.recorded if total > seen.oom_kill else seen
        return CounterRange(
            account=account.cgroup,
            epoch=account.epoch,
            start=start,
            end=start + kills,
            pod=claim.pod,
            container=claim.container,
            candidates=claim.candidates,
            group_kills=claim.groups,
            container_limit=child.limit if child else None,
        )

    def record_oom_above(self, inode: int, kills: int) -> None:
        """Book the `oom` of all levels above that has led to the kills just settled."""
        account = self.accounts[inode]
        while (level := self._parent(account)) is not None:
            self._record_oom(level, kills)
            account = level

    def discard_idle_oom(self) -> None:
        """Forget `oom` that led to no kill: it must not explain a later one.

        Call it once in a while: what stood at the last call and still owes no kill is booked
        (`oom` rises some milliseconds before the kill that it leads to).
        """
        for account in self.accounts.values():
            booked, seen = account.recorded, account.observed
            if account.unrecorded.oom_kill <= 0 and account.idle == seen:
                account.recorded = KillCounters(
                    booked.oom_kill, booked.oom_group_kill, seen.oom, seen.oom_local
                )
            account.idle = seen

    def _add(self, account: Account, kills: int, groups: int) -> None:
        """Book at the account and at all its ancestors, as the kernel counts."""
        level: Account | None = account
        while level is not None:
            was = level.recorded
            level.recorded = KillCounters(
                was.oom_kill + kills, was.oom_group_kill + groups, was.oom, was.oom_local
            )
            level = self._parent(level)

    def _forget(self, account: Account) -> list[int]:
        inode = account.cgroup.inode
        below = [gone for child in self.children(inode) for gone in self._forget(child)]
        self.accounts.pop(inode, None)
        return [*below, inode]


def count_incidents(bookings: Sequence[CounterRange]) -> int:
    """Count decisions of the OOM killer: group kills, and else single ones."""
    return sum(booking.group_kills or booking.end - booking.start for booking in bookings)


def unsettled_below(ledger: Ledger, inode: int) -> bool:
    """Whether a pod anywhere below this level owes kills."""
    return any(
        child.unrecorded.oom_kill > 0 if child.cgroup.level is Level.POD
        else unsettled_below(ledger, child.cgroup.inode)
        for child in ledger.children(inode)
    )  # fmt: skip
