"""Whose memory ran out: by elimination from the counters that are left, or as the log says."""

from msgspec import Struct

from oomwarden.api.oomkill import Cause
from oomwarden.core.kernel_log.lines import Constraint, NumaNodes
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.model.quantity import is_page_rounded
from oomwarden.core.parse.cgroup_paths import below, is_kubepods, is_qos, level_above


class CauseVerdict(Struct, frozen=True):
    """Why the kernel killed.

    Attributes:
        enforced_at: The level that enforced the limit, if it is not the cause's own.
        numa: The NUMA nodes that ran out of memory, if that is the cause.
    """

    cause: Cause
    enforced_at: Level | None = None
    numa: NumaNodes | None = None


_QOS_CLASS = CauseVerdict(Cause.NODE_ALLOCATABLE, Level.QOS)
"""The kubelet limits a QoS class by --qos-reserved (kubernetes pkg/kubelet/cm, v1.37)."""


class PodLimits(Struct, frozen=True):
    """Memory limits (memory.max) in bytes; None: no limit, or not read.

    Attributes:
        containers: The limit of each container.
        has_own_limit: Whether the pod's spec limits the pod as a whole (KEP-2837), or its
            RuntimeClass has an overhead that the kubelet adds.
    """

    pod: int | None
    containers: tuple[int | None, ...]
    has_own_limit: bool = False

    @property
    def is_sum_of_containers(self) -> bool:
        """Whether the pod's limit is just the sum of its containers' limits.

        For a pod with one container it always is: the kubelet sets the same limit for both. If an
        init container may use more, the pod's limit is larger. The kubelet rounds each limit down
        to whole pages. A limit of the pod as a whole does not change with a container's.
        """
        if self.has_own_limit:
            return False
        if self.containers == (None,) or (len(self.containers) == 1 and self.pod is None):
            return True
        known = [limit for limit in self.containers if limit is not None]
        if self.pod is None or len(known) != len(self.containers):
            return False
        return is_page_rounded(self.pod, sum(known), len(known))


class Ancestors(Struct, frozen=True):
    """The levels above a pod.

    Attributes:
        increments: By how much the counters of QoS class and kubepods rose, in this order.
        is_only_candidate: Whether no other pod had kills at the same time without an `oom` of its
            own.
        nested: Whether the node is a container itself, so that limits above kubepods may be those
            of another cgroup instead of the machine's memory.
    """

    increments: tuple[KillCounters, ...]
    is_only_candidate: bool = True
    nested: bool = False


def from_counters(pod: KillCounters, above: Ancestors, limits: PodLimits) -> CauseVerdict:
    """Find the cause by elimination.

    `oom` rises at the level whose limit was hit and at every ancestor; local `oom` rises only at
    that level. A counter that may explain two kills explains none. Source: Linux mm/memcontrol.c,
    mem_cgroup_oom; Documentation/admin-guide/cgroup-v2.rst (memory.events.local).

    Args:
        pod: By how much the pod's counters rose.
        above: The levels above the pod.
        limits: The limits of the pod and of its containers.
    """
    below = pod.oom - pod.oom_local
    if pod.oom_local > 0 and below > 0:
        return CauseVerdict(Cause.UNKNOWN)
    if below > 0:
        return CauseVerdict(Cause.CONTAINER_LIMIT)
    if pod.oom_local > 0:
        return _pod_level(limits)
    if any(level.oom_local > 0 for level in above.increments):
        return _above_pods(above)
    return CauseVerdict(Cause.UNKNOWN if above.nested else Cause.NODE_OUT_OF_MEMORY)


def from_log(constraint: Constraint, pod: Cgroup, limits: PodLimits) -> CauseVerdict:
    """Return the cause that the `oom-kill:` line states."""
    where = constraint.oom_memcg
    if where is None and constraint.numa is not None:
        return CauseVerdict(Cause.NUMA_NODES_OUT_OF_MEMORY, numa=constraint.numa)
    if where is None:
        return CauseVerdict(Cause.NODE_OUT_OF_MEMORY)
    inside = below(where, pod.path)
    if inside is not None:
        return CauseVerdict(Cause.CONTAINER_LIMIT) if inside else _pod_level(limits)
    level = level_above(where, pod.path) or ""
    if is_kubepods(level):
        return CauseVerdict(Cause.NODE_ALLOCATABLE)
    return _QOS_CLASS if is_qos(level) else CauseVerdict(Cause.UNKNOWN)


def _above_pods(above: Ancestors) -> CauseVerdict:
    if not above.is_only_candidate:
        return CauseVerdict(Cause.UNKNOWN)
    *classes, kubepods = above.increments
    return (
        CauseVerdict(Cause.NODE_ALLOCATABLE)
        if kubepods.oom_local > 0 or not classes
        else _QOS_CLASS
    )


def _pod_level(limits: PodLimits) -> CauseVerdict:
    if limits.is_sum_of_containers:
        return CauseVerdict(Cause.CONTAINER_LIMIT, Level.POD)
    return CauseVerdict(Cause.POD_LIMIT)
