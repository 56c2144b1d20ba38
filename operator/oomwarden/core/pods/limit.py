"""A pod's memory limit as the sum of its containers' limits."""

from oomwarden.api.oomkill import ContainerType
from oomwarden.core.model.pod import ContainerFacts, PodFacts


def sum_of_limits(pod: PodFacts) -> int | None:
    """Return the limit that the kubelet sets on a pod: none if one of its containers has none.

    Source: kubernetes pkg/kubelet/cm/helpers_linux.go, ResourceConfigForPod, and
    component-helpers/resource/helpers.go, PodLimits (v1.37).
    """
    lasting = (each for each in pod.containers if each.type is not ContainerType.EPHEMERAL)
    if any(each.limit is None for each in lasting):
        return None
    total = _total(counted_containers(pod))
    return total + pod.overhead if total else None


def counted_containers(pod: PodFacts) -> tuple[ContainerFacts, ...]:
    """Return the containers whose limits make up the pod's: those with the highest possible total.

    An init container runs beside the sidecars that are listed before it (KEP-753).
    """
    sidecars: tuple[ContainerFacts, ...] = ()
    most: tuple[ContainerFacts, ...] = ()
    for each in pod.containers:
        if each.type is ContainerType.SIDECAR:
            sidecars = (*sidecars, each)
        elif each.type is ContainerType.INIT:
            most = max(most, (*sidecars, each), key=_total)
    apps = (each for each in pod.containers if each.type is ContainerType.APP)
    together = max((*sidecars, *apps), most, key=_total)
    return tuple(each for each in together if each.limit is not None)


def _total(containers: tuple[ContainerFacts, ...]) -> int:
    return sum(each.limit or 0 for each in containers)
