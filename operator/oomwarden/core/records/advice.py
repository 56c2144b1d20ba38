"""What to do next about a kill: the end of the line that the Event tells."""

from collections.abc import Sequence

from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.filling import Filling
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.model.quantity import format_bytes, in_pages
from oomwarden.core.pods.limit import sum_of_limits, summed

_UNIT_STEP, _FRACTIONS_BELOW = 1024, 100
_NAMED = 3
"""Containers whose limits are named; a pod may have a hundred."""
_OTHERS = "Other NUMA nodes may have memory free: "
_NUMA = {
    "CONSTRAINT_CPUSET": f"{_OTHERS}have the cpuset of what asked for memory allow more of them "
    "(the kubelet's Memory Manager pins containers), or see what else uses these.",
    "CONSTRAINT_MEMORY_POLICY": f"{_OTHERS}loosen the memory policy of what asked for memory "
    "(numactl, mbind), or see what else uses these.",
}
_NEXT = {
    Cause.CONTAINER_LIMIT: "Raise its memory limit, or have it use less.",
    Cause.NODE_ALLOCATABLE: "No limit of its own was hit: see what the node's pods use beyond "
    "their requests.",
    Cause.NODE_OUT_OF_MEMORY: "No limit of its own was hit: see what else uses the node's memory.",
    Cause.NUMA_NODES_OUT_OF_MEMORY: f"{_OTHERS}see what else uses these.",
}
_INSIDE = (
    "That limit was set inside the container, whose own was not hit: raise it there, or have what "
    "runs in that cgroup use less."
)
_TMPFS = "tmpfs and shared memory (emptyDir with medium Memory, /dev/shm)"
_FILLED = {
    "shmem": f"was {_TMPFS}, which stays until its files are deleted and those who share it end",
    "file": "was page cache shortly before: what the kernel could not take back of it was locked, "
    "or written faster than the disk takes it",
    "slab": "was the kernel's own objects (slab), mostly inodes and directory entries of the files "
    "that it used",
    "sock": "was buffers of network connections: see whether one side reads too slowly",
    "page_tables": "was page tables: fewer or smaller mappings, or huge pages, need less",
    "kernel_stack": "was kernel stacks: it has very many threads",
    "percpu": "was the kernel's data for each CPU, as cgroups and BPF maps take it",
    "vmalloc": "was memory that the kernel mapped for it, as BPF programs and rings take it",
    "zswap": "was compressed memory that had been swapped out (zswap)",
    "hugetlb": "was huge pages",
    "kernel_other": "was memory that the kernel keeps for it",
}


def advice(incident: Incident) -> str:
    """Say what filled the limit, and what helps; empty where nothing is known to."""
    if incident.other_cgroup is not None and incident.verdict.cause is Cause.POD_LIMIT:
        return (
            "The container runtime's own processes count too: leave room for them in the pod's "
            "limit, by an overhead of its RuntimeClass or larger limits."
        )
    if incident.limited is not None and incident.verdict.cause is Cause.CONTAINER_LIMIT:
        return _INSIDE
    filling = incident.filling
    if filling is not None and filling.beside:
        return f"{_beside(filling, incident.pod.tmpfs)} {_next(incident)}"
    if filling is not None and filling.stays:
        rest = "" if filling.size * 2 > filling.of else f" {_next(incident)}"
        return f"{_stays(filling, incident.pod.tmpfs)}{rest}"
    most = "" if filling is None else f"{_share(filling)} {_FILLED[filling.part]}. "
    return f"{most}{_next(incident)}"


def _next(incident: Incident) -> str:
    cause, numa = incident.verdict.cause, incident.verdict.numa
    if numa is not None and cause is Cause.NUMA_NODES_OUT_OF_MEMORY:
        return _NUMA.get(numa.constraint, _NEXT[cause])
    if cause is Cause.POD_LIMIT:
        return _of_pod(incident)
    return _NEXT.get(cause, "")


def _of_pod(incident: Incident) -> str:
    """Name what is to be raised: the pod's own limit, or those that it is the sum of."""
    pod, less = incident.pod, "or have its containers use less."
    if pod.limit is not None:
        return f"Raise the pod's own limit (spec.resources.limits.memory), {less}"
    if incident.limit is None or not _adds_up(incident.limit, pod):
        return f"Raise the pod's memory limit, {less}"
    parts = summed(pod)
    named = _named([f"{one.name} {format_bytes(one.limit or 0)}" for one in parts])
    more = f" and its RuntimeClass's overhead of {format_bytes(pod.overhead)}" * bool(pod.overhead)
    which = "one of them" if len(parts) > 1 else "it"
    return (
        "The pod has no limit of its own: that is the sum of its containers' limits "
        f"({named}){more}. Raise {which}, {less}"
    )


def _adds_up(limit: int, pod: PodFacts) -> bool:
    total = sum_of_limits(pod)
    return total is not None and in_pages(total, limit, len(pod.containers))


def _named(names: Sequence[str]) -> str:
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join([*names[:_NAMED], *more])


def _stays(filling: Filling, volumes: Sequence[str]) -> str:
    bound = "these volumes sizeLimits" if len(volumes) > 1 else "the volume a sizeLimit"
    return (
        f"{rounded(filling.size)} of the limit still lie in {_where(volumes)} of the pod: a "
        "restart of the container does not free what lies in tmpfs. Delete files there, recreate "
        f"the pod, or give {bound} below the limit."
    )


def _beside(filling: Filling, volumes: Sequence[str]) -> str:
    return (
        f"{rounded(filling.size)} still lie in {_where(volumes)} of the pod: they counted for the "
        "container that wrote them, and a restart does not free what lies in tmpfs."
    )


def _where(volumes: Sequence[str]) -> str:
    return _TMPFS.replace("Memory,", f"Memory: {_named(volumes)};") if volumes else _TMPFS


def _share(filling: Filling) -> str:
    most = "Most" if filling.size * 2 > filling.of else "The largest part"
    return f"{most} of the memory, {rounded(filling.size)} of {rounded(filling.of)},"


def rounded(size: int) -> str:
    """Write bytes for a person: a number below 1024, with a fraction where it is small."""
    number, unit = float(size), ""
    for larger in ("Ki", "Mi", "Gi", "Ti"):
        if number < _UNIT_STEP:
            break
        number, unit = number / _UNIT_STEP, larger
    return f"{number:.{1 if number < _FRACTIONS_BELOW else 0}f}".removesuffix(".0") + unit
