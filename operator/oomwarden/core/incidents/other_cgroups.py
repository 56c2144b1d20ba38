"""Victims in a pod but in none of its containers, and victims whose program had not started.

The runtime's monitor runs in the pod's cgroup if conmon_cgroup = "pod" (cri-o), and so do runc and
crun while a container starts. A sandbox's processes have the score -998, whatever the pause program
is called (containerd internal/cri/server/podsandbox, CRI-O internal/lib/constants). The kubelet
sets no score below -997 for any other process in a pod (kubernetes pkg/kubelet/qos/policy.go,
v1.37).
"""

import re
from collections.abc import Iterable, Sequence

from oomwarden.core.kernel_log.kills import LogKill
from oomwarden.core.kernel_log.lines import Killed
from oomwarden.core.ledger.account import CounterRange
from oomwarden.core.ledger.log_evidence import locate
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.cgroup_paths import below

PAUSE_SCORE = -998
# crun and runc execute a copy of themselves; since Linux 6.14 its comm is the memfd's name, cut.
_STARTING = re.compile(
    rb"(?:runc|youki):\[\d:\w+\]|runc|crun|youki|sysbox-runc|conmon|conmonrs"
    rb"|memfd:(?:crun|runc)_clon"
)


def other_cgroup(counted: CounterRange, log: Sequence[LogKill], *, named: bool) -> str | None:
    """Return the name of the pod's cgroup that all victims were in, if it is no container.

    Args:
        counted: The kills.
        log: The kills in the log that belong to it.
        named: Whether the API server or the mounts identify the range's container.

    Returns:
        None if it is a container, or if the victims were in several cgroups.
    """
    cgroup = counted.container
    if cgroup is not None:
        outside = cgroup.container_id is None or (not named and is_pause(log))
        return cgroup.path.rpartition("/")[2] if outside else None
    if counted.pod is None or counted.candidates or _lines(log) < counted.end - counted.start:
        return None
    names = {other_cgroup_of(counted.pod, kill) for kill in log}
    return names.pop() if len(names) == 1 else None


def other_cgroup_of(pod: Cgroup, kill: LogKill) -> str | None:
    """Return the name of a kill's cgroup if it is in the pod, but in no container; else None.

    If the victim was directly in the pod's cgroup, that is the pod's own.
    """
    located = locate(pod, kill)
    if located is None:
        return pod.path.rpartition("/")[2] if _is_in_itself(pod, kill) else None
    in_container = located[1].container_id is not None and not is_pause([kill])
    return None if in_container else located[1].path.rpartition("/")[2]


def is_pod_cgroup(pod: Cgroup | None, name: str) -> bool:
    """Return whether the name that `other_cgroup` returned is that of the pod's own cgroup."""
    return pod is not None and pod.path.rpartition("/")[2] == name


def is_pause(log: Iterable[LogKill]) -> bool:
    """Return whether the victims are a pod's pause process, or what is about to become it."""
    scores = {victim.oom_score_adj for kill in log for victim in kill.victims}
    return scores == {PAUSE_SCORE}


def is_starting(victims: Iterable[Killed]) -> bool:
    """Return whether all victims are the runtime that is about to execute a container's program."""
    found = [_STARTING.fullmatch(victim.comm) is not None for victim in victims]
    return bool(found) and all(found)


def _is_in_itself(pod: Cgroup, kill: LogKill) -> bool:
    """Return whether the log names the pod's own cgroup; for a group kill it names the topmost."""
    task = kill.constraint.task_memcg if kill.constraint else None
    return task is not None and kill.group_path is None and below(task, pod.path) == ""


def _lines(log: Iterable[LogKill]) -> int:
    return sum(len(kill.victims) + kill.repeated for kill in log)
