"""Victims in a pod that are none of its containers, and those whose program had not begun.

The runtime's monitor lies in the pod where conmon_cgroup = "pod" (cri-o), as do runc and crun while
a container starts; the pause container has the score -998, which nobody else in a pod may have
(kubernetes pkg/kubelet/qos/policy.go, v1.37).
"""

import re
from collections.abc import Iterable, Sequence

from oomwarden.core.accounts import Booking
from oomwarden.core.facts import Cgroup
from oomwarden.core.kernel_log import Killed
from oomwarden.core.log_kills import LogKill
from oomwarden.core.sightings import placed_in

PAUSE_SCORE = -998
_STARTING = re.compile(rb"(?:runc|youki):\[\d:\w+\]|runc|crun|youki|conmon|conmonrs")


def other_cgroup(booking: Booking, log: Sequence[LogKill], *, named: bool) -> str | None:
    """Name the cgroup in the pod that held all victims and is no container of it; None: it is one.

    Args:
        booking: The kills.
        log: What the log tells of them.
        named: Whether the API server, or its mounts, name the booking's container.
    """
    cgroup = booking.container
    if cgroup is not None:
        outside = cgroup.container_id is None or (not named and is_pause(log))
        return cgroup.path.rpartition("/")[2] if outside else None
    if booking.pod is None or booking.candidates or _lines(log) < booking.end - booking.start:
        return None
    names = {outsider(booking.pod, kill) for kill in log}
    return names.pop() if len(names) == 1 else None


def outsider(pod: Cgroup, kill: LogKill) -> str | None:
    """Name the cgroup of a kill that lies in the pod and in no container; None: it does not."""
    placed = placed_in(pod, kill)
    if placed is None or placed[1].container_id is not None:
        return None
    return placed[1].path.rpartition("/")[2]


def is_pause(log: Iterable[LogKill]) -> bool:
    """Whether the victims are a pod's pause process."""
    victims = [victim for kill in log for victim in kill.victims]
    return bool(victims) and all(
        victim.comm == b"pause" and victim.oom_score_adj == PAUSE_SCORE for victim in victims
    )


def is_starting(victims: Iterable[Killed]) -> bool:
    """Whether all victims are the runtime, on its way to a container's program."""
    found = [_STARTING.fullmatch(victim.comm) is not None for victim in victims]
    return bool(found) and all(found)


def _lines(log: Iterable[LogKill]) -> int:
    return sum(len(kill.victims) + kill.repeated for kill in log)
