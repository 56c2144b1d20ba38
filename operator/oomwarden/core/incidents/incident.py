"""From a booking to an incident: the container, the cause, the victims, the limit."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents import cause
from oomwarden.core.incidents.cause import Ancestors, PodLimits, Verdict
from oomwarden.core.incidents.filling import Filling, PodMemory, filled, holds_most, stays
from oomwarden.core.incidents.memory_history import UsageDetail
from oomwarden.core.incidents.outsiders import other_cgroup, outsider
from oomwarden.core.kernel_log.kills import LogKill, kills_in
from oomwarden.core.kernel_log.lines import Killed
from oomwarden.core.ledger.account import CounterRange, KillCounters
from oomwarden.core.ledger.log_evidence import kills_within, placed_in
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import in_pages
from oomwarden.core.parse.cgroup_paths import below

MAX_VICTIMS = 16


@dataclass(frozen=True, slots=True)
class PodSnapshot:
    """What was known of a pod when its counters had come to rest.

    `rose` and `above` are what the pod's own and its ancestors' counters rose by; `names` tells
    containers by cgroup inode; `kubepods_limit` in bytes. `complete`: every container that there
    was is known. `is_only_candidate`: no other pod's kill can be behind what the ancestors rose by.
    `is_rebuilt`: what had risen before the last record is not known. `before`: the last closer look
    at the container; `left`: what was charged to the pod after the kill.
    """

    pod: PodFacts
    rose: KillCounters
    above: tuple[KillCounters, ...]
    limits: PodLimits
    names: dict[int, str] = field(default_factory=dict)
    log: tuple[LogKill, ...] = ()
    kubepods_limit: int | None = None
    nested: bool = False
    complete: bool = True
    is_only_candidate: bool = True
    is_rebuilt: bool = False
    before: UsageDetail | None = None
    left: PodMemory | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One record's facts. `limit` in bytes, of the level that was hit; None: unknown or none.

    `sub_cgroup`: the victims' cgroup below the container's own; `other_cgroup`: that of victims in
    none of the pod's containers; `filling`: what filled the limit but for anonymous memory.
    `left`: what is charged to the pod after the kill, where much of it stays. `limited`: the cgroup
    below the container's own of which the limit was hit.
    """

    booking: CounterRange
    pod: PodFacts
    container: ContainerFacts | None
    candidates: tuple[str, ...]
    verdict: Verdict
    limit: int | None
    kills: int
    victims: tuple[Killed, ...]
    from_log: bool
    sub_cgroup: str | None = None
    other_cgroup: str | None = None
    filling: Filling | None = None
    left: PodMemory | None = None
    limited: str | None = None


def investigate(booking: CounterRange, scene: PodSnapshot) -> Incident:
    """Put together what the counters, the log and the API server tell of one booking."""
    log = own_log(booking, scene.log)
    container, candidates = _name(booking, scene)
    other = other_cgroup(booking, log, named=_is_named(booking, scene))
    if other is not None:
        container, candidates = None, ()
    verdict = _verdict(booking, scene, log)
    if other is not None and verdict.enforced_at is Level.POD:
        verdict = Verdict(Cause.POD_LIMIT)  # that it equals a container's is no matter here
    victims = _victims(log, booking.end - booking.start)
    inside = _limited(booking, log)
    limit = None if any(inside) else _limit(verdict, booking, scene, container)
    filling = _filling(verdict, scene, victims, limit)
    return Incident(
        booking=booking,
        pod=scene.pod,
        container=container,
        candidates=candidates,
        verdict=verdict,
        limit=limit,
        kills=booking.group_kills or booking.end - booking.start,
        victims=victims,
        from_log=bool(log),
        sub_cgroup=None if other else _sub_cgroup(booking, log),
        other_cgroup=other,
        filling=filling,
        left=scene.left if filling and filling.stays else None,
        limited=inside[0] if len(inside) == 1 else None,
    )


def _filling(
    verdict: Verdict, scene: PodSnapshot, victims: tuple[Killed, ...], limit: int | None
) -> Filling | None:
    of_pod = verdict.cause is Cause.POD_LIMIT or verdict.enforced_at is Level.POD
    left = stays(scene.left, limit, volumes=bool(scene.pod.tmpfs))
    if of_pod and left is not None:
        return left
    if not of_pod and verdict.cause is not Cause.CONTAINER_LIMIT:
        return None
    seen = filled(scene.before, victims, limit)
    if seen is not None or left is None or holds_most(victims, limit):
        return seen
    return replace(left, beside=True)


def _sub_cgroup(booking: CounterRange, log: Sequence[LogKill]) -> str | None:
    """Give the victims' cgroup below the container's own; None: none, several, or not known."""
    if booking.container is None:
        return None
    places = {below(kill.place, booking.container.path) if kill.place else None for kill in log}
    return (places.pop() or None) if len(places) == 1 else None


def own_log(booking: CounterRange, log: Sequence[LogKill]) -> list[LogKill]:
    """Select the kills of the log that a booking tells: no more than its range has room for.

    A booking without a container leaves alone what the log places in a container that is none of
    its candidates: that one lives, and its own counter has yet to tell of it.
    """
    place = booking.container or booking.pod
    own = kills_in(place.path, list(log)) if place else []
    if booking.container is None and booking.pod is not None:
        own = [kill for kill in own if _may_be_of(booking.pod, booking.candidates, kill)]
    return kills_within(own, booking.end - booking.start, booking.group_kills)


def _may_be_of(pod: Cgroup, candidates: Sequence[Cgroup], kill: LogKill) -> bool:
    placed = placed_in(pod, kill)
    if not candidates and outsider(pod, kill) is not None:
        return True
    return placed is None or placed[1].path in {candidate.path for candidate in candidates}


def _name(
    booking: CounterRange, scene: PodSnapshot
) -> tuple[ContainerFacts | None, tuple[str, ...]]:
    if booking.container is not None:
        return _facts(booking.container, scene), ()
    if len(scene.pod.containers) == 1:
        return scene.pod.containers[0], ()
    found = [_facts(candidate, scene) for candidate in booking.candidates]
    names = {facts.name for facts in found if facts is not None}
    if not names or not scene.complete or len(names) < len(found):
        names = {facts.name for facts in scene.pod.containers}
    return None, tuple(sorted(names))


def _is_named(booking: CounterRange, scene: PodSnapshot) -> bool:
    """Whether something beside there being one container only tells which one it was."""
    container = booking.container
    if container is None:
        return False
    known = {each.container_id for each in scene.pod.containers}
    known |= {each.previous_id for each in scene.pod.containers}
    return container.inode in scene.names or container.container_id in known - {None}


def _facts(container: Cgroup, scene: PodSnapshot) -> ContainerFacts | None:
    name = scene.names.get(container.inode)
    for facts in scene.pod.containers:
        ids = (facts.container_id, facts.previous_id)
        if facts.name == name or (container.container_id and container.container_id in ids):
            return facts
    return scene.pod.containers[0] if len(scene.pod.containers) == 1 else None


def _verdict(booking: CounterRange, scene: PodSnapshot, log: list[LogKill]) -> Verdict:
    pod = booking.pod
    told = {kill.constraint for kill in log if kill.constraint} if pod else set()
    if pod is not None and told:
        verdicts = {cause.from_log(constraint, pod, scene.limits) for constraint in told}
        if len(verdicts) > 1:  # several sets of NUMA nodes are one cause
            verdicts = {replace(verdict, numa=None) for verdict in verdicts}
        return verdicts.pop() if len(verdicts) == 1 else Verdict(Cause.UNKNOWN)
    if booking.account.level is not Level.POD or (scene.is_rebuilt and scene.rose.oom <= 0):
        return Verdict(Cause.UNKNOWN)
    above = Ancestors(scene.above, alone=scene.is_only_candidate, nested=scene.nested)
    return _agreed(cause.from_counters(scene.rose, above, scene.limits), log)


def _agreed(verdict: Verdict, log: list[LogKill]) -> Verdict:
    """Hold the counters' word against that of `Killed process`, which no rate limit drops."""
    of_cgroup = [victim.of_cgroup for kill in log for victim in kill.victims]
    if of_cgroup and not any(of_cgroup):
        return Verdict(Cause.NODE_OUT_OF_MEMORY)
    doubtful = verdict.cause is Cause.NODE_OUT_OF_MEMORY and any(of_cgroup)
    return Verdict(Cause.UNKNOWN) if doubtful else verdict


def _limited(booking: CounterRange, log: Sequence[LogKill]) -> list[str | None]:
    """Name the cgroups below the container's own whose limits were hit; None: one outside."""
    if booking.container is None:
        return []
    hit = {kill.constraint.oom_memcg for kill in log if kill.constraint}
    inside = {below(path, booking.container.path) if path else None for path in hit}
    return [name or None for name in inside]


def _limit(
    verdict: Verdict, booking: CounterRange, scene: PodSnapshot, container: ContainerFacts | None
) -> int | None:
    if verdict.cause is Cause.CONTAINER_LIMIT:
        own = booking.container_limit
        if own is None and len(scene.limits.containers) == 1:
            own = scene.limits.pod
        asked = container.limit if container else None
        return asked if asked and (own is None or in_pages(asked, own)) else own
    if verdict.cause is Cause.POD_LIMIT:
        own, asked = scene.limits.pod, scene.pod.limit
        return asked if asked and (own is None or in_pages(asked, own)) else own
    of_all = verdict.cause is Cause.NODE_ALLOCATABLE and verdict.enforced_at is None
    return scene.kubepods_limit if of_all else None


def _victims(log: Sequence[LogKill], counted: int) -> tuple[Killed, ...]:
    """Each victim once, by pid; each line of one stands for one increment of `oom_kill`.

    A read that ends with a line too many may have begun the next container's kill.
    """
    by_pid = {victim.pid: victim for kill in log for victim in kill.victims}
    lines = counted - sum(kill.repeated for kill in log)
    return tuple(by_pid.values())[: min(max(lines, 1), MAX_VICTIMS)]
