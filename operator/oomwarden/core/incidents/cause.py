"""Whose memory ran out: by elimination on the counters that survive, or as the log says."""

from dataclasses import dataclass

from oomwarden.api.oomkill import Cause
from oomwarden.core.kernel_log.lines import Constraint, NumaNodes
from oomwarden.core.ledger.account import KillCounters
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.quantity import in_pages
from oomwarden.core.parse.cgroup_paths import below, is_kubepods, is_qos, level_above


@dataclass(frozen=True, slots=True)
class Verdict:
    """The cause, and the level that enforced the limit where that was not the cause's own.

    `numa`: the NUMA nodes that ran out, where that is the cause.
    """

    cause: Cause
    enforced_at: Level | None = None
    numa: NumaNodes | None = None


_QOS_CLASS = Verdict(Cause.NODE_ALLOCATABLE, Level.QOS)
"""The kubelet limits a QoS class by --qos-reserved (kubernetes pkg/kubelet/cm, v1.37)."""


@dataclass(frozen=True, slots=True)
class PodLimits:
    """memory.max in bytes of the pod and of each of its containers; None: none or not read.

    `of_pod`: the pod's spec has a limit for the pod as a whole (KEP-2837), or its RuntimeClass an
    overhead that the kubelet adds.
    """

    pod: int | None
    containers: tuple[int | None, ...]
    of_pod: bool = False

    @property
    def equal(self) -> bool:
        """Whether the pod's limit is just the sum of its containers' limits.

        A pod with one container always is: the kubelet gives both the same. Where an init container
        may have more, the pod's is larger. Each is rounded down to whole pages. A limit of the
        pod's own stays what it is when a container's is raised.
        """
        if self.of_pod:
            return False
        if self.containers == (None,) or (len(self.containers) == 1 and self.pod is None):
            return True
        known = [limit for limit in self.containers if limit is not None]
        if self.pod is None or len(known) != len(self.containers):
            return False
        return in_pages(self.pod, sum(known), len(known))


@dataclass(frozen=True, slots=True)
class Ancestors:
    """What the counters of QoS class and kubepods rose by, in this order.

    `alone`: no other pod was killed meanwhile without an `oom` of its own. `nested`: limits above
    kubepods may be another cgroup's, not the machine's.
    """

    rose: tuple[KillCounters, ...]
    alone: bool = True
    nested: bool = False


def from_counters(pod: KillCounters, above: Ancestors, limits: PodLimits) -> Verdict:
    """Eliminate: `oom` rises where a limit was hit and at every ancestor, local `oom` only there.

    `pod` is what the pod's counters rose by. A counter that may explain two kills explains none.
    Source: Linux mm/memcontrol.c mem_cgroup_oom, Documentation/admin-guide/cgroup-v2.rst
    (memory.events.local).
    """
    below = pod.oom - pod.oom_local
    if pod.oom_local > 0 and below > 0:
        return Verdict(Cause.UNKNOWN)
    if below > 0:
        return Verdict(Cause.CONTAINER_LIMIT)
    if pod.oom_local > 0:
        return _pod_level(limits)
    if any(level.oom_local > 0 for level in above.rose):
        return _above_pods(above)
    return Verdict(Cause.UNKNOWN if above.nested else Cause.NODE_OUT_OF_MEMORY)


def from_log(constraint: Constraint, pod: Cgroup, limits: PodLimits) -> Verdict:
    """Read the cause from the `oom-kill:` line, which says it outright."""
    where = constraint.oom_memcg
    if where is None and constraint.numa is not None:
        return Verdict(Cause.NUMA_NODES_OUT_OF_MEMORY, numa=constraint.numa)
    if where is None:
        return Verdict(Cause.NODE_OUT_OF_MEMORY)
    inside = below(where, pod.path)
    if inside is not None:
        return Verdict(Cause.CONTAINER_LIMIT) if inside else _pod_level(limits)
    level = level_above(where, pod.path) or ""
    if is_kubepods(level):
        return Verdict(Cause.NODE_ALLOCATABLE)
    return _QOS_CLASS if is_qos(level) else Verdict(Cause.UNKNOWN)


def _above_pods(above: Ancestors) -> Verdict:
    if not above.alone:
        return Verdict(Cause.UNKNOWN)
    *classes, kubepods = above.rose
    return Verdict(Cause.NODE_ALLOCATABLE) if kubepods.oom_local > 0 or not classes else _QOS_CLASS


def _pod_level(limits: PodLimits) -> Verdict:
    if limits.equal:
        return Verdict(Cause.CONTAINER_LIMIT, Level.POD)
    return Verdict(Cause.POD_LIMIT)
