"""Events on a Pod before a kill: its memory limit was hit very often, or it probably leaks."""

from typing import NamedTuple

from oomwarden.core.incidents.near_misses import WINDOW_SECONDS
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.parse.memory_stat import Composition
from oomwarden.core.parse.pressure import MemoryStalls
from oomwarden.core.records.event import event_on_pod
from oomwarden.core.usage_pattern.verdict import Verdict
from oomwarden.core.usage_pattern.words import span

LIMIT_HIT = "MemoryLimitHit"
LEAK_SUSPECTED = "MemoryLeakSuspected"
ACTION = "Observed"
"""chart: templates/admission/node-bound.yaml allows agents these words."""
_HALF = 0.5
_CACHE = (
    "More than half of its memory was page cache, which the kernel can drop: this is harmless "
    "unless its tasks wait for memory."
)
_RAISE = "Raise its memory limit, or reduce its memory usage, before it is killed."


class WarnedContainer(NamedTuple):
    """What an Event is about.

    Attributes:
        container: None if it is the pod's own limit.
        limit: In bytes; None if it is not known.
        node: The name of the node.
    """

    pod: PodFacts
    container: ContainerFacts | None
    limit: int | None
    node: str

    @property
    def words(self) -> str:
        """The container, or the pod, in the words of a sentence."""
        return f"container {self.container.name}" if self.container else "the pod"


def limit_hit_event(
    about: WarnedContainer,
    count: int,
    now: float,
    stalls: MemoryStalls | None = None,
    consists: Composition | None = None,
) -> Manifest:
    """Return the Event about near misses; it has one name within an hour of the clock.

    Args:
        about: The container.
        count: Near misses within the last hour.
        now: Wall-clock seconds.
        stalls: How long its tasks waited for memory; None if that is not known.
        consists: What its memory consisted of; None if that is not known.
    """
    hour = int(now // WINDOW_SECONDS)
    hits = (
        f"{about.words} hit its memory limit{_amount(about.limit)} {count} times within an hour, "
        "and the kernel could reclaim memory each time."
    )
    note = " ".join(filter(None, (hits, _describe_stalls(stalls), _advice(consists))))
    return _event(about, LIMIT_HIT, str(hour), note, now)


def _amount(limit: int | None) -> str:
    return "" if limit is None else f" {format_bytes(limit)}"


def _describe_stalls(stalls: MemoryStalls | None) -> str:
    if stalls is None:
        return ""
    return f"Its tasks waited for memory for {stalls.some.avg60:.1f} % of the last minute."


def _advice(consists: Composition | None) -> str:
    if consists is None:
        return _RAISE
    droppable = consists.file - consists.shmem
    return _CACHE if droppable > _HALF * (consists.anon + consists.file) else _RAISE


def leak_event(about: WarnedContainer, container_id: str, verdict: Verdict, now: float) -> Manifest:
    """Return the Event about a probable leak; it has one name in the life of a container.

    Args:
        about: The container.
        container_id: Its ID.
        verdict: What its usage looks like, with the time to its limit.
        now: Wall-clock seconds.
    """
    limit = _amount(about.limit)
    left = verdict.seconds_to_limit
    soon = "" if left is None else f" and will reach its memory limit{limit} in about {span(left)}"
    note = (
        f"{about.words} probably leaks memory{soon}: {verdict.evidence}. Find what it keeps, or "
        "restart it before it is killed."
    )
    return _event(about, LEAK_SUSPECTED, container_id, note, now)


def _event(about: WarnedContainer, reason: str, life: str, note: str, now: float) -> Manifest:
    pod, name = about.pod, about.container.name if about.container else ""
    key = f"{reason}/{pod.uid}/{name}/{life}"
    return event_on_pod(pod, about.container, about.node, reason, ACTION, key, note, now)
