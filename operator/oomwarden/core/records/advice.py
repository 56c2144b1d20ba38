"""What filled the limit and what to do about it: the end of an Event's note."""

from collections.abc import Sequence

from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.incidents.largest_part import LargestPart
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.model.quantity import format_bytes, is_page_rounded, rounded_bytes
from oomwarden.core.pods.limit import counted_containers, sum_of_limits
from oomwarden.core.records.filled import FILLED, TMPFS

_NAMED = 3
"""At most this many container limits or volumes are named; a pod may have a hundred."""
_OTHERS = "Other NUMA nodes may have memory free: "
_NUMA = {
    "CONSTRAINT_CPUSET": f"{_OTHERS}allow more of them in the cpuset of the process that requested "
    "memory (the kubelet's Memory Manager pins containers), or check what else uses these.",
    "CONSTRAINT_MEMORY_POLICY": f"{_OTHERS}relax the memory policy of the process that "
    "requested memory (numactl, mbind), or check what else uses these.",
}
_NEXT = {
    Cause.CONTAINER_LIMIT: "Raise its memory limit, or reduce its memory usage.",
    Cause.NODE_ALLOCATABLE: "It did not reach a limit of its own: check which of the node's "
    "pods use more memory than they request.",
    Cause.NODE_OUT_OF_MEMORY: "It did not reach a limit of its own: check what else uses the "
    "node's memory.",
    Cause.NUMA_NODES_OUT_OF_MEMORY: f"{_OTHERS}check what else uses these.",
}
_INSIDE = (
    "That limit was set inside the container; the container's own limit was not reached. Raise it "
    "there, or reduce the memory usage of the processes in that cgroup."
)


def advice(incident: Incident) -> str:
    """Return what filled the limit and what helps; empty if neither is known."""
    if incident.other_cgroup is not None and incident.verdict.cause is Cause.POD_LIMIT:
        return (
            "The container runtime's own processes count towards the pod's limit: leave room for "
            "them with an overhead in its RuntimeClass, or with larger limits."
        )
    if incident.limited_cgroup is not None and incident.verdict.cause is Cause.CONTAINER_LIMIT:
        return _INSIDE
    largest = incident.largest_part
    if largest is not None and largest.is_unattributed:
        return f"{_unattributed(largest, incident.pod.tmpfs)} {_next(incident)}"
    if largest is not None and largest.is_retained:
        rest = "" if largest.size * 2 > largest.total else f" {_next(incident)}"
        return f"{_retained(largest, incident.pod.tmpfs)}{rest}"
    most = "" if largest is None else f"{_share(largest)} {FILLED[largest.part]}. "
    return f"{most}{_next(incident)}"


def _next(incident: Incident) -> str:
    cause, numa = incident.verdict.cause, incident.verdict.numa
    if numa is not None and cause is Cause.NUMA_NODES_OUT_OF_MEMORY:
        return _NUMA.get(numa.constraint, _NEXT[cause])
    if cause is Cause.POD_LIMIT:
        return _of_pod(incident)
    return _NEXT.get(cause, "")


def _of_pod(incident: Incident) -> str:
    """Return which limit to raise: the pod's own, or those that it is the sum of."""
    pod, reduce = incident.pod, "or reduce the memory usage of its containers."
    if pod.limit is not None:
        return f"Raise the pod's own limit (spec.resources.limits.memory), {reduce}"
    if incident.limit is None or not _adds_up(incident.limit, pod):
        return f"Raise the pod's memory limit, {reduce}"
    parts = counted_containers(pod)
    named = _named([f"{one.name} {format_bytes(one.limit or 0)}" for one in parts])
    more = f" and its RuntimeClass's overhead of {format_bytes(pod.overhead)}" * bool(pod.overhead)
    which = "one of them" if len(parts) > 1 else "it"
    return (
        "The pod has no limit of its own: this is the sum of its containers' limits "
        f"({named}){more}. Raise {which}, {reduce}"
    )


def _adds_up(limit: int, pod: PodFacts) -> bool:
    total = sum_of_limits(pod)
    return total is not None and is_page_rounded(total, limit, len(pod.containers))


def _named(names: Sequence[str]) -> str:
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join([*names[:_NAMED], *more])


def _retained(largest: LargestPart, volumes: Sequence[str]) -> str:
    volume = "each of these volumes" if len(volumes) > 1 else "the volume"
    return (
        f"{rounded_bytes(largest.size)} of the limit is still used by {_where(volumes)} of the "
        "pod: restarting the container does not free tmpfs. Delete files there, recreate the pod, "
        f"or set a sizeLimit below the limit for {volume}."
    )


def _unattributed(largest: LargestPart, volumes: Sequence[str]) -> str:
    return (
        f"{rounded_bytes(largest.size)} is still used by {_where(volumes)} of the pod: it was "
        "charged to the container that wrote it, and a restart does not free tmpfs."
    )


def _where(volumes: Sequence[str]) -> str:
    return TMPFS.replace("Memory,", f"Memory: {_named(volumes)};") if volumes else TMPFS


def _share(largest: LargestPart) -> str:
    most = "Most" if largest.size * 2 > largest.total else "The largest part"
    return f"{most} of the memory, {rounded_bytes(largest.size)} of {rounded_bytes(largest.total)},"
