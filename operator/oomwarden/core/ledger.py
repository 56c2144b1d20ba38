"""The books of OOM kills: every increment of the kernel's counters is booked exactly once.

The kernel books a kill at the victim's cgroup, then at each ancestor in turn (Linux
mm/memcontrol.c, __memcg_memory_event). So what a parent has and its children do not explain
belongs to a child that vanished unread. `booked` is what has been told of a cgroup's counters;
the difference to the last reading is still owed.
"""

from dataclasses import dataclass, field

from oomwarden.core.accounts import Account, Booking, Reading, Tally
from oomwarden.core.facts import Cgroup, Level


@dataclass(slots=True)
class Ledger:
    """All accounts of a node, by cgroup inode. Owns no clock and no file."""

    accounts: dict[int, Account] = field(default_factory=dict)

    def open(self, cgroup: Cgroup, parent: int | None, booked: Tally | None = None) -> Account:
        """Begin the books of a cgroup. A new one starts at nothing: all its kills are owed."""
        known = self.accounts.get(cgroup.inode)
        if known is not None and known.cgroup == cgroup:
            known.gone, known.parent = False, parent
            return known
        start = booked or Tally()
        account = Account(cgroup, parent, start, start)
        self.accounts[cgroup.inode] = account
        return account

    def read(self, reading: Reading) -> bool:
        """Take a reading; True when kills are owed that were not before."""
        account = self.accounts.get(reading.inode)
        if account is None:
            return False
        tally = reading.tally(account.seen)
        if tally.oom_kill < account.seen.oom_kill:
            account.epoch += 1
            account.booked = Tally()
        moved = tally.oom_kill != account.seen.oom_kill
        account.seen = tally
        account.limit = reading.limit or account.limit
        return moved

    def vanish(self, inode: int) -> None:
        """Note that a cgroup was removed: its last reading may miss its last kills."""
        if account := self.accounts.get(inode):
            account.gone = True

    def children(self, inode: int) -> list[Account]:
        """List the accounts directly below one, in the order in which they were opened."""
        return [account for account in self.accounts.values() if account.parent == inode]

    def write_off(self, inode: int) -> None:
        """Book everything seen so far as told: counted elsewhere (before the first start)."""
        account = self.accounts[inode]
        account.booked = account.seen

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
            if level.owed.oom_kill > 0:
                return True
            level = self._parent(level)
        return False

    def _parent(self, account: Account) -> Account | None:
        return self.accounts.get(account.parent) if account.parent is not None else None

    def settle_pod(self, inode: int) -> list[Booking]:
        """Book what a pod owes, container by container, in consecutive ranges.

        Its children's own counters come first; the rest is of children that vanished unread.
        """
        pod = self.accounts[inode]
        left = pod.owed
        bookings: list[Booking] = []
        children = self.children(inode)
        lost_to = [child for child in children if child.gone]
        shares = [(child, child.owed) for child in children]
        shortfall = left.oom_kill - sum(owed.oom_kill for _, owed in shares)
        for child, owed in shares:
            kills, groups = min(owed.oom_kill, left.oom_kill), owed.oom_group_kill
            if shortfall > 0 and lost_to == [child]:
                kills += shortfall
                groups = max(groups, left.oom_group_kill - _sum_groups(shares, child))
                shortfall = 0
            if kills > 0:
                bookings.append(self._book(pod, kills, groups, child))
                left = pod.owed
        if shortfall > 0 and left.oom_kill > 0:
            candidates = tuple(child.cgroup for child in lost_to)
            booking = self._book(pod, left.oom_kill, left.oom_group_kill, None, candidates)
            bookings.append(booking)
        booked, seen = pod.booked, pod.seen
        pod.booked = Tally(booked.oom_kill, booked.oom_group_kill, seen.oom, seen.oom_local)
        return bookings

    def settle_level(self, inode: int) -> list[Booking]:
        """Book what a QoS class or kubepods owes beyond its children: pods that went unread.

        Call it only when nothing below is unsettled.
        """
        level = self.accounts[inode]
        gone = [pod for pod in self.children(inode) if pod.gone]
        owed = level.owed
        bookings: list[Booking] = []
        if owed.oom_kill > 0:
            pod = gone[0].cgroup if len(gone) == 1 else None
            lost = self.children(gone[0].cgroup.inode) if len(gone) == 1 else []
            start = level.booked.oom_kill
            container = lost[0].cgroup if len(lost) == 1 else None
            candidates = () if container else tuple(child.cgroup for child in lost or gone)
            end = start + owed.oom_kill
            cgroup, epoch, groups = level.cgroup, level.epoch, owed.oom_group_kill
            bookings.append(Booking(cgroup, epoch, start, end, pod, container, candidates, groups))
            self._add(level, owed.oom_kill, owed.oom_group_kill)
        seen, booked = level.seen, level.booked
        counted = (booked.oom_kill, booked.oom_group_kill)
        level.booked = Tally(*counted, seen.oom, seen.oom_local)
        return bookings

    def _book(
        self,
        pod: Account,
        kills: int,
        groups: int,
        child: Account | None,
        candidates: tuple[Cgroup, ...] = (),
    ) -> Booking:
        start = pod.booked.oom_kill
        self._add(pod, kills, groups)
        if child is not None:
            booked, seen = child.booked, child.seen
            total = max(booked.oom_kill + kills, 0)
            child.booked = Tally(total, seen.oom_group_kill, seen.oom, seen.oom_local)
            child.seen = child.booked if total > seen.oom_kill else seen
        return Booking(
            account=pod.cgroup,
            epoch=pod.epoch,
            start=start,
            end=start + kills,
            pod=pod.cgroup,
            container=child.cgroup if child else None,
            candidates=candidates,
            group_kills=groups,
            container_limit=child.limit if child else None,
        )

    def _add(self, account: Account, kills: int, groups: int) -> None:
        """Book at the account and at all its ancestors, as the kernel counts."""
        level: Account | None = account
        while level is not None:
            was = level.booked
            level.booked = Tally(
                was.oom_kill + kills, was.oom_group_kill + groups, was.oom, was.oom_local
            )
            level = self._parent(level)

    def _forget(self, account: Account) -> list[int]:
        inode = account.cgroup.inode
        below = [gone for child in self.children(inode) for gone in self._forget(child)]
        self.accounts.pop(inode, None)
        return [*below, inode]


def _sum_groups(shares: list[tuple[Account, Tally]], besides: Account) -> int:
    return sum(owed.oom_group_kill for child, owed in shares if child is not besides)


def unsettled_below(ledger: Ledger, inode: int) -> bool:
    """Whether a pod anywhere below this level owes kills."""
    return any(
        child.owed.oom_kill > 0 if child.cgroup.level is Level.POD
        else unsettled_below(ledger, child.cgroup.inode)
        for child in ledger.children(inode)
    )  # fmt: skip
