"""The oom_score_adj that the kubelet gives a container of a Burstable pod, from its memory request.

Source: kubernetes pkg/kubelet/qos/policy.go, GetContainerOOMScoreAdjust (v1.33 to v1.37). Memory of
claims (DRANodeAllocatableResources) and newer tie-breaks lead to other values: see
`agent/baselines/offsets.py`.
"""

from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts

LOWEST, HIGHEST = 3, 999
"""The range for Burstable: above Guaranteed (-997 + 1000), below BestEffort (1000)."""


def kubelet_score(pod: PodFacts, container: ContainerFacts, capacity: int) -> int | None:
    """Compute the score that the kubelet would give a container if it started now.

    Args:
        pod: The pod, with all of its containers' requests.
        container: One of them.
        capacity: The node's RAM in bytes (MemTotal).

    Returns:
        The score, LOWEST..HIGHEST; None if the score depends on the QoS class alone.
    """
    if pod.qos is not QOSClass.BURSTABLE or capacity <= 0:
        return None
    request = container.request
    if container.type is ContainerType.SIDECAR:
        regular = (c.request for c in pod.containers if c.type is ContainerType.APP)
        request = max(request, min(regular, default=0))
    score = 1000 - 1000 * (request + _share(pod)) // capacity
    return min(max(score, LOWEST), HIGHEST)


def _share(pod: PodFacts) -> int:
    """Return a container's share of what the pod requests beyond its containers, in bytes.

    Source: KEP-2837; kubernetes pkg/kubelet/qos/helpers.go, remainingPodMemReqPerContainer (v1.37).
    """
    lasting = [c for c in pod.containers if c.type is not ContainerType.EPHEMERAL]
    if not pod.request or not lasting:
        return 0
    return max(pod.request - _total_request(lasting), 0) // len(lasting)


def _total_request(containers: list[ContainerFacts]) -> int:
    """Sum up requests as the scheduler does: an init container runs beside earlier sidecars only.

    Source: kubernetes component-helpers/resource/helpers.go, AggregateContainerRequests (v1.37).
    """
    sidecars, most = 0, 0
    for each in containers:
        if each.type is ContainerType.SIDECAR:
            sidecars += each.request
        if each.type is ContainerType.INIT:
            most = max(most, sidecars + each.request)
    regular = sum(c.request for c in containers if c.type is ContainerType.APP)
    return max(most, sidecars + regular)
