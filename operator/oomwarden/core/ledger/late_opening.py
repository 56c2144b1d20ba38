"""Cgroups whose account is opened late: their kills are recorded at one level only.

Until its account is opened, a cgroup's kills are unrecorded kills of the cgroup above, and may be
recorded there. A cgroup's counter is part of the counter above it (Linux mm/memcontrol.c,
__memcg_memory_event). So it cannot have more unrecorded kills than the cgroup above has beyond its
other children: the rest is already recorded.
"""

from oomwarden.core.ledger.account import Account
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import KillCounters


def limit_to_parent(ledger: Ledger, inode: int) -> None:
    """Mark as recorded what the levels above have already recorded of a late cgroup.

    Does the same for the cgroups below it. Call it once the cgroup and the one above it have been
    read at the same time.

    Args:
        ledger: The ledger.
        inode: The cgroup whose account was opened late.
    """
    account = ledger.accounts.get(inode)
    above = ledger.accounts.get(account.parent or 0) if account else None
    if account is None or above is None:
        return
    ledger.version += 1
    others = (
        one.unrecorded.oom_kill for one in ledger.children(above.cgroup.inode) if one != account
    )
    _limit_unrecorded(account, above.unrecorded.oom_kill - sum(others), above.unrecorded.oom)
    _limit_children(ledger, account)


def _limit_children(ledger: Ledger, above: Account) -> None:
    """If several children may have the unrecorded kills, it is unknown which one does."""
    left, below = above.unrecorded.oom_kill, ledger.children(above.cgroup.inode)
    pending = [one for one in below if one.unrecorded.oom_kill > 0]
    if sum(one.unrecorded.oom_kill for one in pending) <= left:
        return
    for one in pending:
        _limit_unrecorded(one, left if len(pending) == 1 else 0, above.unrecorded.oom)
        _limit_children(ledger, one)


def _limit_unrecorded(account: Account, kills: int, oom: int) -> None:
    unrecorded = account.unrecorded
    left = max(min(unrecorded.oom_kill, kills), 0)
    if left == unrecorded.oom_kill:
        return
    groups = min(unrecorded.oom_group_kill, left)
    ooms = min(unrecorded.oom, max(oom, 0)) if left else 0
    local = min(unrecorded.oom_local, ooms)
    account.recorded = account.observed - KillCounters(left, groups, ooms, local)
