"""Cgroups that were found or opened late: what they counted before is recorded once, at one level.

Until then their kills are owed by the cgroup above, and may be told there. A cgroup's counter is
part of that of the one above it (Linux mm/memcontrol.c, __memcg_memory_event), so it cannot owe
more than that one owes beyond its other children: the rest is told.
"""

from oomwarden.core.ledger.account import Account, KillCounters
from oomwarden.core.ledger.ledger import Ledger


def adopt(ledger: Ledger, inode: int) -> None:
    """Book what is told already of a cgroup that was found late, and of what is below it.

    Call it when it and the cgroup above it have been read in the same moment.
    """
    account = ledger.accounts.get(inode)
    above = ledger.accounts.get(account.parent or 0) if account else None
    if account is None or above is None:
        return
    others = (
        one.unrecorded.oom_kill for one in ledger.children(above.cgroup.inode) if one != account
    )
    _owe_at_most(account, above.unrecorded.oom_kill - sum(others), above.unrecorded.oom)
    _adopt_below(ledger, account)


def _adopt_below(ledger: Ledger, above: Account) -> None:
    """Where several may owe what is left, nobody can say which does."""
    left, below = above.unrecorded.oom_kill, ledger.children(above.cgroup.inode)
    owing = [one for one in below if one.unrecorded.oom_kill > 0]
    if sum(one.unrecorded.oom_kill for one in owing) <= left:
        return
    for one in owing:
        _owe_at_most(one, left if len(owing) == 1 else 0, above.unrecorded.oom)
        _adopt_below(ledger, one)


def _owe_at_most(account: Account, kills: int, oom: int) -> None:
    owed = account.unrecorded
    left = max(min(owed.oom_kill, kills), 0)
    if left == owed.oom_kill:
        return
    groups = min(owed.oom_group_kill, left)
    ooms = min(owed.oom, max(oom, 0)) if left else 0
    local = min(owed.oom_local, ooms)
    account.recorded = account.observed - KillCounters(left, groups, ooms, local)
