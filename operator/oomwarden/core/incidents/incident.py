"""From a counter range to an incident: its container, cause, victims and limit."""

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents import cause
from oomwarden.core.incidents.cause import Ancestors, CauseVerdict, PodLimits
from oomwarden.core.incidents.largest_part import (
    LargestPart,
    PodMemory,
    largest_part_before,
    retained_tmpfs,
    victims_held_most,
)
from oomwarden.core.incidents.memory_history import UsageDetail
from oomwarden.core.incidents.other_cgroups import other_cgroup
from oomwarden.core.incidents.range_log import log_of_range, victims_of
from oomwarden.core.incidents.record_context import RecordContext
from oomwarden.core.kernel_log.kills import LogKill
from oomwarden.core.kernel_log.lines import Killed
from oomwarden.core.ledger.account import CounterRange
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import is_page_rounded
from oomwarden.core.parse.cgroup_paths import below


class PodSnapshot(Struct, frozen=True):
    """What is known of a pod when it is settled.

    Attributes:
        increments: By how much the pod's counters rose.
        above: By how much the counters of its ancestors rose, the lowest first.
        limits: The limits of the pod and of its containers.
        names: Names of the container, or of the candidates, by cgroup inode.
        log: Kills in the kernel log that no record covers.
        kubepods_limit: Limit of kubepods in bytes; None if it has none.
        nested: As in `Ancestors`.
        complete: Whether every container that the pod had is known.
        is_only_candidate: As in `Ancestors`.
        is_rebuilt: Whether the ledger was rebuilt, so that it is unknown by how much `oom` rose
            before the last record.
        last_detail: What the container's memory consisted of before the kill.
        pod_memory: What is charged to the pod after the kill.
    """

    pod: PodFacts
    increments: KillCounters
    above: tuple[KillCounters, ...]
    limits: PodLimits
    names: dict[int, str] = field(default_factory=dict)
    log: tuple[LogKill, ...] = ()
    kubepods_limit: int | None = None
    nested: bool = False
    complete: bool = True
    is_only_candidate: bool = True
    is_rebuilt: bool = False
    last_detail: UsageDetail | None = None
    pod_memory: PodMemory | None = None


class Incident(Struct, frozen=True):
    """What a record reports.

    Attributes:
        counter_range: The kills that the kernel counted.
        container: None if it is unknown, or if the victims were in no container.
        candidates: Names of the containers that it may be, if it is unknown.
        limit: The limit that was hit, in bytes; None if it is unknown or there is none.
        kills: Number of kills; a group kill is one.
        victims: The killed processes that the log names.
        context: Where and when.
        log: The kills in the kernel log that belong to it.
        sub_cgroup: Cgroup of the victims below the container's own.
        other_cgroup: Cgroup of victims that were in none of the pod's containers.
        largest_part: What filled the limit, other than anonymous memory.
        pod_memory: What is charged to the pod after the kill, if much of it stays.
        limited_cgroup: Cgroup below the container's own whose limit was hit.
    """

    counter_range: CounterRange
    pod: PodFacts
    container: ContainerFacts | None
    candidates: tuple[str, ...]
    verdict: CauseVerdict
    limit: int | None
    kills: int
    victims: tuple[Killed, ...]
    context: RecordContext
    log: tuple[LogKill, ...] = ()
    sub_cgroup: str | None = None
    other_cgroup: str | None = None
    largest_part: LargestPart | None = None
    pod_memory: PodMemory | None = None
    limited_cgroup: str | None = None


def investigate(counted: CounterRange, snapshot: PodSnapshot, context: RecordContext) -> Incident:
    """Combine what the counters, the kernel log and the API server report of a counter range."""
    log = log_of_range(counted, snapshot.log)
    container, candidates = _name(counted, snapshot)
    other = other_cgroup(counted, log, named=_is_named(counted, snapshot))
    if other is not None:
        container, candidates = None, ()
    verdict = _verdict(counted, snapshot, log)
    if other is not None and verdict.enforced_at is Level.POD:
        verdict = CauseVerdict(
            Cause.POD_LIMIT
        )  # the victims are in no container with an equal limit
    victims = victims_of(log, counted.end - counted.start)
    limited = _limited_cgroups(counted, log)
    limit = None if any(limited) else _limit(verdict, counted, snapshot, container)
    largest = _largest_part(verdict, snapshot, victims, limit)
    return Incident(
        counter_range=counted,
        pod=snapshot.pod,
        container=container,
        candidates=candidates,
        verdict=verdict,
        limit=limit,
        kills=counted.group_kills or counted.end - counted.start,
        context=context,
        victims=victims,
        log=tuple(log),
        sub_cgroup=None if other else _sub_cgroup(counted, log),
        other_cgroup=other,
        largest_part=largest,
        pod_memory=snapshot.pod_memory if largest and largest.is_retained else None,
        limited_cgroup=limited[0] if len(limited) == 1 else None,
    )


def _largest_part(
    verdict: CauseVerdict, snapshot: PodSnapshot, victims: tuple[Killed, ...], limit: int | None
) -> LargestPart | None:
    at_pod = verdict.cause is Cause.POD_LIMIT or verdict.enforced_at is Level.POD
    retained = retained_tmpfs(snapshot.pod_memory, limit, volumes=bool(snapshot.pod.tmpfs))
    if at_pod and retained is not None:
        return retained
    if not at_pod and verdict.cause is not Cause.CONTAINER_LIMIT:
        return None
    before = largest_part_before(snapshot.last_detail, victims, limit)
    if before is not None or retained is None or victims_held_most(victims, limit):
        return before
    return replace(retained, is_unattributed=True)


def _sub_cgroup(counted: CounterRange, log: Sequence[LogKill]) -> str | None:
    """Return the victims' cgroup below the container's own; None if it is not exactly one."""
    if counted.container is None:
        return None
    path = counted.container.path
    cgroups = {below(kill.victim_cgroup, path) if kill.victim_cgroup else None for kill in log}
    return (cgroups.pop() or None) if len(cgroups) == 1 else None


def _name(
    counted: CounterRange, snapshot: PodSnapshot
) -> tuple[ContainerFacts | None, tuple[str, ...]]:
    """Return the container, or None and the names of the candidates."""
    if counted.container is not None:
        return _facts(counted.container, snapshot), ()
    if len(snapshot.pod.containers) == 1:
        return snapshot.pod.containers[0], ()
    found = [_facts(candidate, snapshot) for candidate in counted.candidates]
    names = {facts.name for facts in found if facts is not None}
    if not names or not snapshot.complete or len(names) < len(found):
        names = {facts.name for facts in snapshot.pod.containers}
    return None, tuple(sorted(names))


def _is_named(counted: CounterRange, snapshot: PodSnapshot) -> bool:
    """Return whether more than the pod having only one container identifies the container."""
    container = counted.container
    if container is None:
        return False
    known = {each.container_id for each in snapshot.pod.containers}
    known |= {each.previous_id for each in snapshot.pod.containers}
    return container.inode in snapshot.names or container.container_id in known - {None}


def _facts(container: Cgroup, snapshot: PodSnapshot) -> ContainerFacts | None:
    name = snapshot.names.get(container.inode)
    for facts in snapshot.pod.containers:
        ids = (facts.container_id, facts.previous_id)
        if facts.name == name or (container.container_id and container.container_id in ids):
            return facts
    return snapshot.pod.containers[0] if len(snapshot.pod.containers) == 1 else None


def _verdict(counted: CounterRange, snapshot: PodSnapshot, log: list[LogKill]) -> CauseVerdict:
    pod = counted.pod
    constraints = {kill.constraint for kill in log if kill.constraint}
    if pod is not None and constraints:
        verdicts = {cause.from_log(one, pod, snapshot.limits) for one in constraints}
        if len(verdicts) > 1:  # several sets of NUMA nodes are one cause
            verdicts = {replace(verdict, numa=None) for verdict in verdicts}
        return verdicts.pop() if len(verdicts) == 1 else CauseVerdict(Cause.UNKNOWN)
    unknown = snapshot.is_rebuilt and snapshot.increments.oom <= 0
    if counted.account.level is not Level.POD or unknown:
        return CauseVerdict(Cause.UNKNOWN)
    only = snapshot.is_only_candidate
    above = Ancestors(snapshot.above, is_only_candidate=only, nested=snapshot.nested)
    return _checked(cause.from_counters(snapshot.increments, above, snapshot.limits), log)


def _checked(verdict: CauseVerdict, log: list[LogKill]) -> CauseVerdict:
    """Check the counters' verdict against the `Killed process` line, which has no rate limit."""
    of_cgroup = [victim.of_cgroup for kill in log for victim in kill.victims]
    if of_cgroup and not any(of_cgroup):
        return CauseVerdict(Cause.NODE_OUT_OF_MEMORY)
    doubtful = verdict.cause is Cause.NODE_OUT_OF_MEMORY and any(of_cgroup)
    return CauseVerdict(Cause.UNKNOWN) if doubtful else verdict


def _limited_cgroups(counted: CounterRange, log: Sequence[LogKill]) -> list[str | None]:
    """Return the cgroups below the container's own whose limits were hit; None: one outside."""
    if counted.container is None:
        return []
    hit = {kill.constraint.oom_memcg for kill in log if kill.constraint}
    inside = {below(path, counted.container.path) if path else None for path in hit}
    return [name or None for name in inside]


def _limit(
    verdict: CauseVerdict,
    counted: CounterRange,
    snapshot: PodSnapshot,
    container: ContainerFacts | None,
) -> int | None:
    if verdict.cause is Cause.CONTAINER_LIMIT:
        own = counted.container_limit
        if own is None and len(snapshot.limits.containers) == 1:
            own = snapshot.limits.pod
        return _as_specified(own, container.limit if container else None)
    if verdict.cause is Cause.POD_LIMIT:
        return _as_specified(snapshot.limits.pod, snapshot.pod.limit)
    all_pods = verdict.cause is Cause.NODE_ALLOCATABLE and verdict.enforced_at is None
    return snapshot.kubepods_limit if all_pods else None


def _as_specified(own: int | None, spec: int | None) -> int | None:
    """Return the limit in the spec if memory.max is that limit in whole pages, else memory.max."""
    return spec if spec and (own is None or is_page_rounded(spec, own)) else own
