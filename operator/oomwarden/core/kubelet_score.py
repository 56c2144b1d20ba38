"""The oom_score_adj that the kubelet gives a container of a Burstable pod, by its memory request.

Source: kubernetes pkg/kubelet/qos/policy.go, GetContainerOOMScoreAdjust (v1.33 to v1.37). Pods with
resources of their own (KEP-2837) and newer tie-breaks give other values: see `agent/references.py`.
"""

from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.facts import ContainerFacts, PodFacts

LOWEST, HIGHEST = 3, 999
"""Of Burstable: above Guaranteed (-997 + 1000), below BestEffort (1000)."""


def kubelet_score(pod: PodFacts, container: ContainerFacts, capacity: int) -> int | None:
    """Work out what the kubelet would give a container if it started now.

    Args:
        pod: The pod, with all of its containers' requests.
        container: One of them.
        capacity: The node's RAM in bytes (MemTotal).

    Returns:
        The score, LOWEST..HIGHEST; None: the request does not decide, the class does.
    """
    if pod.qos is not QOSClass.BURSTABLE or capacity <= 0:
        return None
    score = _by_request(container.request, capacity)
    if container.type is ContainerType.SIDECAR:
        regular = [c.request for c in pod.containers if c.type is ContainerType.APP]
        score = min(score, _by_request(min(regular, default=0), capacity))
    return min(max(score, LOWEST), HIGHEST)


def _by_request(request: int, capacity: int) -> int:
    return 1000 - 1000 * request // capacity
