"""Victims in a pod that are none of its containers, and those whose program had not begun.

The runtime's monitor lies in the pod where conmon_cgroup = "pod" (cri-o), as do runc and crun while
a container starts. A sandbox's processes have the score -998, whatever the pause program is called
(containerd internal/cri/server/podsandbox, CRI-O internal/lib/constants); the kubelet gives nobody
else in a pod less than -997 (kubernetes pkg/kubelet/qos/policy.go, v1.37).
"""

import re
from collections.abc import Iterable, Sequence

from oomwarden.core.kernel_log.kills import LogKill
from oomwarden.core.kernel_log.lines import Killed
from oomwarden.core.ledger.account import CounterRange
from oomwarden.core.ledger.log_evidence import placed_in
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.cgroup_paths import below

PAUSE_SCORE = -998
# crun and runc run a copy of themselves: since Linux 6.14 its comm is the memfd's name, cut.
_STARTING = re.compile(
    rb"(?:runc|youki):\[\d:\w+\]|runc|crun|youki|sysbox-runc|conmon|conmonrs"
    rb"|memfd:(?:crun|runc)_clon"
)


def other_cgroup(booking: CounterRange, log: Sequence[LogKill], *, named: bool) -> str | None:
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
    """Name the cgroup of a kill that lies in the pod and in no container; None: it does not.

    That is the pod's own where the victim lay directly in it.
    """
    placed = placed_in(pod, kill)
    if placed is None:
        return pod.path.rpartition("/")[2] if _is_in_itself(pod, kill) else None
    in_container = placed[1].container_id is not None and not is_pause([kill])
    return None if in_container else placed[1].path.rpartition("/")[2]


def is_of_pod(pod: Cgroup | None, name: str) -> bool:
    """Whether the cgroup that `other_cgroup` names is the pod's own."""
    return pod is not None and pod.path.rpartition("/")[2] == name


def is_pause(log: Iterable[LogKill]) -> bool:
    """Whether the victims are a pod's pause process, or what is about to become it."""
    scores = {victim.oom_score_adj for kill in log for victim in kill.victims}
    return scores == {PAUSE_SCORE}


def is_starting(victims: Iterable[Killed]) -> bool:
    """Whether all victims are the runtime, on its way to a container's program."""
    found = [_STARTING.fullmatch(victim.comm) is not None for victim in victims]
    return bool(found) and all(found)


def _is_in_itself(pod: Cgroup, kill: LogKill) -> bool:
    """Whether the log names the pod's own cgroup; of a group kill it names the topmost only."""
    told = kill.constraint.task_memcg if kill.constraint else None
    return told is not None and kill.group_path is None and below(told, pod.path) == ""


def _lines(log: Iterable[LogKill]) -> int:
    return sum(len(kill.victims) + kill.repeated for kill in log)
