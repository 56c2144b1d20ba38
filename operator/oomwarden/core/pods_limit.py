"""The memory limit that a pod has by those of its containers."""

from oomwarden.api.oomkill import ContainerType
from oomwarden.core.facts import PodFacts


def sum_of_limits(pod: PodFacts) -> int | None:
    """Give the limit that the kubelet gives a pod: none where one of its containers has none.

    Source: kubernetes pkg/kubelet/cm/helpers_linux.go, ResourceConfigForPod, and
    component-helpers/resource/helpers.go, AggregateContainerLimits (v1.37).
    """
    sidecars, most, regular = 0, 0, 0
    for each in pod.containers:
        if each.type is ContainerType.EPHEMERAL:
            continue
        if each.limit is None:
            return None
        match each.type:
            case ContainerType.SIDECAR:
                sidecars += each.limit
            case ContainerType.INIT:
                most = max(most, sidecars + each.limit)
            case _:
                regular += each.limit
    return max(most, sidecars + regular) or None
