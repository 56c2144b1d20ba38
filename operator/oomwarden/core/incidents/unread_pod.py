"""Pods whose own counters and limits went unread: their specs say what the limits were."""

from oomwarden.api.oomkill import ContainerType
from oomwarden.core.incidents.cause import PodLimits
from oomwarden.core.incidents.incident import PodSnapshot
from oomwarden.core.model.cgroup import KillCounters
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.pods.limit import sum_of_limits

_LASTING = {ContainerType.APP, ContainerType.SIDECAR}


def has_own_limit(pod: PodFacts) -> bool:
    """Return whether the pod's limit is more than the sum of its containers' limits."""
    return pod.limit is not None or pod.overhead > 0


def unread_snapshot(pod: PodFacts, *, complete: bool) -> PodSnapshot:
    """Describe a pod whose own counters and limits went unread, by the limits of its spec.

    Without a limit of the pod's own, the kubelet sets the sum of its containers' limits.
    """
    known = tuple(each.limit for each in pod.containers if each.type in _LASTING)
    whole = pod.limit + pod.overhead if pod.limit else sum_of_limits(pod)
    found = PodLimits(whole, known, has_own_limit=has_own_limit(pod))
    return PodSnapshot(pod, KillCounters(), (), found, complete=complete)
