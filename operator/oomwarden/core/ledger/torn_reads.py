"""Containers whose last reading was taken in the middle of a group kill.

A group kill of one process raises `oom_kill`, then `oom_group_kill`, writes to the log, and raises
`oom_kill` again, unless its victim's memory is gone by then (Linux mm/oom_kill.c,
oom_kill_process). If a container is removed in between, only its pod's counters show the rest.
"""

from collections.abc import Sequence

from oomwarden.core.ledger.account import Account
from oomwarden.core.model.cgroup import KillCounters


def is_half_counted(pod: Account, containers: Sequence[Account]) -> bool:
    """Return whether the kernel may still be counting a group kill in a container that is gone.

    Group kills of several processes in containers that were never read look the same.

    Args:
        pod: The pod's account.
        containers: The accounts of all containers that the pod had.
    """
    whole = (one.unrecorded for one in containers if not one.gone or _is_whole(one.unrecorded))
    left = pod.unrecorded - sum(whole, KillCounters())
    return left.oom_kill > 0 and left.oom_kill != _expected_kills(left)


def missing_counts(gone: Sequence[Account], rest: KillCounters) -> dict[str, KillCounters]:
    """Return what the last readings of gone containers lack of their own kills, by path.

    Args:
        gone: The gone containers that no other rule explains.
        rest: The pod's unrecorded kills beyond those attributed to its containers. They include two
            kills for each group kill in a container that was never read.

    Returns:
        Nothing if the numbers have another explanation.
    """
    uncounted = [account for account in gone if _is_read_before_its_group(account)]
    halves = [
        account
        for account in gone
        if account.unrecorded.oom_kill < _expected_kills(account.unrecorded)
    ]
    others = rest.oom_group_kill - len(uncounted)
    increments = max(rest.oom_kill - 2 * others, 0)
    most = len(uncounted) + sum(
        _expected_kills(one.unrecorded) - one.unrecorded.oom_kill for one in halves
    )
    if others < 0 or increments > most or not most:
        return {}
    found = {account.cgroup.path: KillCounters(oom_group_kill=1) for account in uncounted}
    for account in [*halves, *uncounted]:
        path, counters = account.cgroup.path, account.unrecorded
        more = min(increments, max(_expected_kills(counters) - counters.oom_kill, 1))
        increments -= more
        found[path] = found.get(path, KillCounters()) + KillCounters(oom_kill=more)
    return found


def _is_whole(counters: KillCounters) -> bool:
    return counters.oom_group_kill > 0 and counters.oom_kill >= _expected_kills(counters)


def _is_read_before_its_group(account: Account) -> bool:
    return account.unrecorded.oom_kill == 1 and account.unrecorded.oom_group_kill == 0


def _expected_kills(counters: KillCounters) -> int:
    """Return the kills that group kills of one process each add up to."""
    return 2 * counters.oom_group_kill
