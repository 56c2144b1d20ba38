"""Which kills in the kernel log belong to a counter range."""

from collections.abc import Sequence

from oomwarden.core.incidents.other_cgroups import other_cgroup_of
from oomwarden.core.kernel_log.kills import LogKill, kills_in
from oomwarden.core.kernel_log.lines import Killed
from oomwarden.core.ledger.account import CounterRange
from oomwarden.core.ledger.log_evidence import kills_within, locate
from oomwarden.core.model.cgroup import Cgroup

MAX_VICTIMS = 16
"""Victims that a record names."""


def log_of_range(counted: CounterRange, log: Sequence[LogKill]) -> list[LogKill]:
    """Return the kills of the log that belong to a counter range, no more than fit into it.

    If the range has no container, kills that the log places in a container other than the
    candidates are left out: that container still runs, and its own counter will show them.
    """
    place = counted.container or counted.pod
    own = kills_in(place.path, list(log)) if place else []
    if counted.container is None and counted.pod is not None:
        own = [kill for kill in own if _may_belong(counted.pod, counted.candidates, kill)]
    return kills_within(own, counted.end - counted.start, counted.group_kills)


def _may_belong(pod: Cgroup, candidates: Sequence[Cgroup], kill: LogKill) -> bool:
    located = locate(pod, kill)
    if not candidates and other_cgroup_of(pod, kill) is not None:
        return True
    return located is None or located[1].path in {candidate.path for candidate in candidates}


def victims_of(log: Sequence[LogKill], counted: int) -> tuple[Killed, ...]:
    """Return each victim once, by pid; each of its lines stands for one increment of `oom_kill`.

    Lines beyond the counted increments may be the beginning of the next container's kill.
    """
    by_pid = {victim.pid: victim for kill in log for victim in kill.victims}
    lines = counted - sum(kill.repeated for kill in log)
    return tuple(by_pid.values())[: min(max(lines, 1), MAX_VICTIMS)]
