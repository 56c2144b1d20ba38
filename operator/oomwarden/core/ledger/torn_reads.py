"""Containers that were read for the last time in the middle of a group kill.

A group kill of one process bumps `oom_kill`, then `oom_group_kill`, writes to the log, and bumps
`oom_kill` again, unless its victim's memory is gone by then (Linux mm/oom_kill.c,
oom_kill_process). A container that goes in between leaves what it lacks in its pod's counters.
"""

from collections.abc import Sequence

from oomwarden.core.ledger.account import Account, KillCounters


def is_half_counted(pod: Account, containers: Sequence[Account]) -> bool:
    """Whether a group kill in a container that is gone may not be counted to its end yet.

    Group kills of several processes in containers that went unread look the same.

    Args:
        pod: What it owes is divided among its containers.
        containers: All of them that there were.
    """
    told = (one.unrecorded for one in containers if not one.gone or _is_counted(one.unrecorded))
    left = pod.unrecorded - sum(told, KillCounters())
    return left.oom_kill > 0 and left.oom_kill != _complete(left)


def missing_counts(gone: Sequence[Account], rest: KillCounters) -> dict[str, KillCounters]:
    """Find what gone containers lack of kills that are theirs, by path.

    Args:
        gone: The containers that went, and that nothing else explains.
        rest: What the pod owes beyond all that its containers are known to owe. Where other
            containers went unread too, it holds two kills for each group kill of theirs.

    Returns:
        Nothing where the numbers have another explanation.
    """
    uncounted = [account for account in gone if _is_read_before_its_group(account)]
    halves = [
        account for account in gone if account.unrecorded.oom_kill < _complete(account.unrecorded)
    ]
    others = rest.oom_group_kill - len(uncounted)
    bumps = max(rest.oom_kill - 2 * others, 0)
    most = len(uncounted) + sum(
        _complete(one.unrecorded) - one.unrecorded.oom_kill for one in halves
    )
    if others < 0 or bumps > most or not most:
        return {}
    found = {account.cgroup.path: KillCounters(oom_group_kill=1) for account in uncounted}
    for account in [*halves, *uncounted]:
        path, owed = account.cgroup.path, account.unrecorded
        more = min(bumps, max(_complete(owed) - owed.oom_kill, 1))
        bumps -= more
        found[path] = found.get(path, KillCounters()) + KillCounters(oom_kill=more)
    return found


def _is_counted(owed: KillCounters) -> bool:
    return owed.oom_group_kill > 0 and owed.oom_kill >= _complete(owed)


def _is_read_before_its_group(account: Account) -> bool:
    return account.unrecorded.oom_kill == 1 and account.unrecorded.oom_group_kill == 0


def _complete(owed: KillCounters) -> int:
    """Give how many kills so many group kills of one process are."""
    return 2 * owed.oom_group_kill
