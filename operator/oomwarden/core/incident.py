"""From a booking to an incident: the container, the cause, the victims, the limit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oomwarden.api.oomkill import Cause
from oomwarden.core import cause
from oomwarden.core.accounts import Booking, Tally
from oomwarden.core.cause import Limits, Verdict
from oomwarden.core.cgroup_paths import container_id
from oomwarden.core.facts import Cgroup, ContainerFacts, Level, PodFacts
from oomwarden.core.kernel_log import Killed
from oomwarden.core.log_kills import LogKill, kills_in

MAX_VICTIMS = 16


@dataclass(frozen=True, slots=True)
class Scene:
    """What was known of a pod when its counters had come to rest.

    `rose` and `above` are what the pod's own and its ancestors' counters rose by; `names` tells
    containers by cgroup inode; `kubepods_limit` in bytes.
    """

    pod: PodFacts
    rose: Tally
    above: tuple[Tally, ...]
    limits: Limits
    names: dict[int, str]
    log: tuple[LogKill, ...] = ()
    kubepods_limit: int | None = None
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """One record's facts. `limit` in bytes, of the level that was hit; None: unknown or none."""

    booking: Booking
    pod: PodFacts
    container: ContainerFacts | None
    candidates: tuple[str, ...]
    verdict: Verdict
    limit: int | None
    kills: int
    victims: tuple[Killed, ...]
    from_log: bool


def investigate(booking: Booking, scene: Scene) -> Incident:
    """Put together what the counters, the log and the API server tell of one booking."""
    booking = _placed_by_log(booking, scene)
    log = _own_log(booking, scene)
    container, candidates = _name(booking, scene)
    verdict = _verdict(booking, scene, log)
    return Incident(
        booking=booking,
        pod=scene.pod,
        container=container,
        candidates=candidates,
        verdict=verdict,
        limit=_limit(verdict, booking, scene, container),
        kills=booking.group_kills or booking.end - booking.start,
        victims=_victims(log, booking.end - booking.start),
        from_log=bool(log),
    )


def _placed_by_log(booking: Booking, scene: Scene) -> Booking:
    """Let the log name a container that vanished unread, if it names just one."""
    if booking.container is not None or booking.pod is None:
        return booking
    leaves = {_leaf(kill, booking.pod) for kill in kills_in(booking.pod.path, list(scene.log))}
    if len(leaves) != 1 or not (leaf := leaves.pop()):
        return booking
    for candidate in booking.candidates:
        if candidate.path.endswith(f"/{leaf}"):
            return replace(booking, container=candidate, candidates=())
    pod = booking.pod
    unseen = Cgroup(0, f"{pod.path}/{leaf}", Level.CONTAINER, pod.pod_uid, container_id(leaf))
    return replace(booking, container=unseen, candidates=())


def _leaf(kill: LogKill, pod: Cgroup) -> str:
    below = (kill.place or "").partition(pod.path.rsplit("/", 1)[-1] + "/")[2]
    return below.split("/")[0]


def _own_log(booking: Booking, scene: Scene) -> list[LogKill]:
    place = booking.container or booking.pod
    return kills_in(place.path, list(scene.log)) if place else []


def _name(booking: Booking, scene: Scene) -> tuple[ContainerFacts | None, tuple[str, ...]]:
    if booking.container is not None:
        return _facts(booking.container, scene), ()
    if len(scene.pod.containers) == 1:
        return scene.pod.containers[0], ()
    found = (_facts(candidate, scene) for candidate in booking.candidates)
    names = {facts.name for facts in found if facts is not None}
    return None, tuple(sorted(names))


def _facts(container: Cgroup, scene: Scene) -> ContainerFacts | None:
    name = scene.names.get(container.inode)
    for facts in scene.pod.containers:
        ids = (facts.container_id, facts.previous_id)
        if facts.name == name or (container.container_id and container.container_id in ids):
            return facts
    return scene.pod.containers[0] if len(scene.pod.containers) == 1 else None


def _verdict(booking: Booking, scene: Scene, log: list[LogKill]) -> Verdict:
    told = next((kill.constraint for kill in log if kill.constraint), None)
    if told is not None and booking.pod is not None:
        return cause.from_log(told, booking.pod, scene.limits)
    if booking.account.level is not Level.POD:
        return Verdict(Cause.UNKNOWN)
    return cause.from_counters(scene.rose, scene.above, scene.limits, nested=scene.nested)


def _limit(
    verdict: Verdict, booking: Booking, scene: Scene, container: ContainerFacts | None
) -> int | None:
    if verdict.cause is Cause.CONTAINER_LIMIT:
        own = booking.container_limit
        if own is None and len(scene.limits.containers) == 1:
            own = scene.limits.pod
        return own or (container.limit if container else None)
    if verdict.cause is Cause.POD_LIMIT:
        return scene.limits.pod
    return scene.kubepods_limit if verdict.cause is Cause.NODE_ALLOCATABLE else None


def _victims(log: Sequence[LogKill], at_most: int) -> tuple[Killed, ...]:
    """Each victim once, by pid; the counters bound how many lines can be this container's."""
    by_pid = {victim.pid: victim for kill in log for victim in kill.victims}
    return tuple(by_pid.values())[: min(at_most, MAX_VICTIMS)]
