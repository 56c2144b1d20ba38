"""Kills of removed cgroups that only the counters above them show, in a storm that never rests.

A removed cgroup may have unread kills: counted after its last reading. Its account is needed to
attribute them until it is known that there are none. In a moment when nothing is unrecorded that is
simple (`Ledger.prune`), but while kills never stop there is no such moment. Then readings of one
moment decide: what a cgroup counted beyond its children are the unread kills of removed ones. A
removed cgroup has none if that number was the same before and after it was removed, or if all that
were counted by then are explained.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from msgspec import Struct, field

from oomwarden.core.ledger.account import Account
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import Level

MAX_REMOVED = 1024
"""Accounts of removed cgroups that are kept, where kills never rest and readings never agree."""


def unread_kills(ledger: Ledger) -> dict[int, int]:
    """Return how many unrecorded kills each cgroup counted beyond its children, by inode.

    Below zero if a child was read later than the cgroup itself.
    """
    accounts = ledger.accounts
    left = {i: 0 for i, each in accounts.items() if each.cgroup.level is not Level.CONTAINER}
    for inode, kills in ledger.unrecorded().items():
        if inode in left:
            left[inode] += kills
        if (parent := accounts[inode].parent) in left:
            left[parent] -= max(kills, 0)
    return left


def unread_below(ledger: Ledger, inode: int) -> int:
    """Return how many unrecorded kills one cgroup counted beyond its children."""
    below = (max(child.unrecorded_kills, 0) for child in ledger.children(inode))
    return ledger.accounts[inode].unrecorded_kills - sum(below)


def unsettled_below(ledger: Ledger, inode: int) -> bool:
    """Return whether a pod anywhere below this level has unrecorded kills."""
    return any(
        child.has_unrecorded if child.cgroup.level is Level.POD
        else unsettled_below(ledger, child.cgroup.inode)
        for child in ledger.children(inode)
    )  # fmt: skip


class UnreadKills(Struct):
    """The unread kills below each cgroup, as of the last readings of one moment.

    Attributes:
        ledger: All accounts.
        now: Unrecorded ones, by the inode of the cgroup that counted them.
        distrusted: Cgroups below which an account was closed too early, for lack of room.
    """

    ledger: Ledger
    now: dict[int, int] = field(default_factory=dict)
    distrusted: set[int] = field(default_factory=set)
    _read_at: int = -1  # the ledger's version at the last readings
    _recorded: dict[int, int] = field(default_factory=dict)  # by the same inode
    _ever: dict[int, int] = field(default_factory=dict)  # recorded or not, as of the last readings
    _before: dict[int, int] = field(default_factory=dict)  # `_ever` of its parent, by removed inode
    _after: dict[int, int] = field(default_factory=dict)  # the same after it was removed
    _settled: dict[int, int] = field(default_factory=dict)  # `_ever`, up to which all are explained
    _none_at: dict[int, float] = field(default_factory=dict)  # when there were none

    def observe(
        self, removed: Iterable[int], at: float | None, named: AbstractSet[str | None] = frozenset()
    ) -> list[int]:
        """Take readings; close the accounts of removed cgroups that have no unread kills.

        Args:
            removed: The cgroups that were found to be removed after these readings.
            at: When all counters had these values; None if they are not of one moment.
            named: UIDs of pods with kills in the log that are not recorded: their accounts stay.

        Returns:
            The inodes of the closed accounts.
        """
        closed: list[int] = []
        before = self._ever
        if at is not None:
            self._take_readings()
            self._none_at |= {i: at for i in self.ledger.above if self.now.get(i, 0) <= 0}
            self._note_after(removed)
            closed = self._close(self._without_unread(named))
        for inode in removed:
            account = self.ledger.accounts.get(inode)
            if account is not None and account.parent in before:
                self._before[inode] = before[account.parent]
        return closed + self._close(self._excess())

    def _take_readings(self) -> None:
        if self._read_at != self.ledger.version:
            self._read_at = self.ledger.version
            self.now = unread_kills(self.ledger)
            self._ever = {i: n + self._recorded.get(i, 0) for i, n in self.now.items()}

    def record(self, inode: int, kills: int, *, unexplained: int) -> None:
        """Note that unread kills of a cgroup were recorded.

        Args:
            inode: The cgroup.
            kills: How many.
            unexplained: Of how many others it is not known whose they are.
        """
        self._recorded[inode] = self._recorded.get(inode, 0) + kills
        self.now[inode] = self.now.get(inode, 0) - kills
        if not unexplained and inode in self._ever:
            self._settled[inode] = self._ever[inode]

    def forget(self, closed: Iterable[int]) -> None:
        """Forget accounts that were closed."""
        for inode in closed:
            for known in self._tables():
                known.pop(inode, None)
            self.distrusted.discard(inode)

    def _tables(self) -> tuple[dict[int, int] | dict[int, float], ...]:
        above = (self.now, self._recorded, self._ever, self._settled, self._none_at)
        return (*above, self._before, self._after)

    def _note_after(self, removed: Iterable[int]) -> None:
        """Note what was counted by the time that a cgroup was surely removed."""
        gone = [account.cgroup.inode for account in self.ledger.removed()]
        for inode in {*gone, *removed} - self._after.keys():
            account = self.ledger.accounts.get(inode)
            if account is not None and account.parent in self._ever:
                self._after[inode] = self._ever[account.parent]

    def none_before(self) -> float:
        """Return the time before which no kill was counted that is unread now."""
        return min((self._none_at.get(inode, 0.0) for inode in self.ledger.above), default=0.0)

    def _without_unread(self, named: AbstractSet[str | None]) -> list[Account]:
        removed = self.ledger.removed()
        if not removed:
            return []
        owing = self._owing()
        return [
            account
            for account in removed
            if account.cgroup.inode not in owing
            and account.cgroup.pod_uid not in named
            and self._has_none(account)
        ]

    def _has_none(self, account: Account) -> bool:
        parent = self.ledger.accounts.get(account.parent or 0)
        if parent is None or parent.gone or account.unrecorded_kills > 0:
            return False  # below a removed cgroup, accounts are closed with it
        inode, above = account.cgroup.inode, parent.cgroup.inode
        before, after = self._before.get(inode), self._after.get(inode)
        has_risen = before is None or self._ever[above] > before
        is_open = after is None or after > self._settled.get(above, -1)
        return self.now[above] <= 0 or not has_risen or not is_open

    def _excess(self) -> list[Account]:
        """Return the oldest removed cgroups beyond the bound: what is unread may be theirs."""
        found = self.ledger.removed()
        if len(found) <= MAX_REMOVED:
            return []
        owing = self._owing()
        idle = [
            account
            for account in found[: len(found) - MAX_REMOVED]
            if account.unrecorded_kills <= 0 and account.cgroup.inode not in owing
        ]
        self.distrusted |= {account.parent for account in idle if account.parent is not None}
        return idle

    def _owing(self) -> set[int | None]:
        """Return the parents of cgroups with unrecorded kills."""
        accounts = self.ledger.accounts
        return {accounts[i].parent for i, n in self.ledger.unrecorded().items() if n > 0}

    def _close(self, accounts: Iterable[Account]) -> list[int]:
        closed = [inode for each in accounts for inode in self.ledger.close(each.cgroup.inode)]
        self.forget(closed)
        return closed
