"""What the operator has done, and what it serves about that and about the cluster."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from msgspec import Struct, field

from oomwarden.core.metrics.exposition import Families, Sample, single
from oomwarden.core.metrics.families.operator import (
    DELETED_OOMKILLS,
    DROPPED_RESPONSES,
    LEADER,
    NODES,
    QUEUE_LENGTH,
    RECONCILE_DURATION,
    RESIZES,
    RESPONSES,
    RETAINED_OOMKILLS,
    UNREADABLE_OBJECTS,
    NodeActivity,
    ResizeResult,
    WorkQueue,
)
from oomwarden.core.metrics.family import Family
from oomwarden.core.metrics.histogram import Histogram
from oomwarden.core.metrics.response_counts import ResponseCounts

_Value = TypeVar("_Value", bound=str)


def _durations() -> Histogram:
    found = Histogram(RECONCILE_DURATION)
    for queue in WorkQueue:
        found.begin(queue)
    return found


class OperatorState(Struct, frozen=True):
    """How things are at a scrape.

    Attributes:
        queues: The lengths of the queues.
        nodes: OOMNodes by state; None before they were listed.
        retained: How many OOMKills there are; None before they were counted.
        dropped: How many OOM kills got no response for lack of room.
        unreadable: How many objects the operator skips.
        leads: Whether it is this one of several operators that works.
    """

    queues: Mapping[WorkQueue, int]
    nodes: Mapping[NodeActivity, int] | None
    retained: int | None
    dropped: int
    unreadable: int
    leads: bool = True


class OperatorCounts(Struct):
    """Counts what the operator does.

    Attributes:
        clock: Returns the seconds of a steady clock.
        deleted: Deleted OOMKills by the bound that they exceeded, those without any as well.
        resizes: Attempts to set limits for policies, by result.
    """

    clock: Callable[[], float]
    deleted: Counter[str] = field(default_factory=Counter)
    resizes: Counter[ResizeResult] = field(default_factory=Counter)
    _durations: Histogram = field(default_factory=_durations)
    _responses: ResponseCounts = field(default_factory=ResponseCounts)

    @contextmanager
    def timed(self, queue: WorkQueue) -> Iterator[None]:
        """Count how long the block works on an item of a queue, also if it fails."""
        began = self.clock()
        try:
            yield
        finally:
            self._durations.observe(self.clock() - began, queue)

    def responded(self, namespace: str, reason: str) -> None:
        """Count a response to an OOM kill."""
        self._responses.add(namespace, reason, self.clock())

    def families(self, state: OperatorState) -> Families:
        """Return the operator's metrics."""
        return (
            (RECONCILE_DURATION, self._durations.samples()),
            _each(QUEUE_LENGTH, WorkQueue, state.queues),
            (NODES, ()) if state.nodes is None else _each(NODES, NodeActivity, state.nodes),
            *(() if state.retained is None else (single(RETAINED_OOMKILLS, state.retained),)),
            _each(DELETED_OOMKILLS, self.deleted, self.deleted),
            _each(RESIZES, ResizeResult, self.resizes),
            (RESPONSES, self._responses.samples(self.clock())),
            single(DROPPED_RESPONSES, state.dropped),
            single(UNREADABLE_OBJECTS, state.unreadable),
            single(LEADER, int(state.leads)),
        )


def _each(
    family: Family, values: Iterable[_Value], numbers: Mapping[_Value, int]
) -> tuple[Family, list[Sample]]:
    """Return a series for every value of a label, at 0 where there is no number."""
    return family, [Sample((str(each),), numbers.get(each, 0)) for each in values]
