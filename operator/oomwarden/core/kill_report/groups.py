"""Kills over time, by workload and by node."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from oomwarden.core.history.kill_record import KillRecord
from oomwarden.core.kill_report.causes import kills_by_cause, known_cause
from oomwarden.core.kill_report.period import Period

K = TypeVar("K", bound=Hashable)
WorkloadKey = tuple[str, str]
"""Namespace, and kind/name of the owner."""


class KillFigures(Struct, frozen=True):
    """Sums over records."""

    kills: int
    records: int
    workloads: int
    pods: int
    nodes: int


class TimeBar(Struct, frozen=True):
    """The kills of one part of the period, by cause."""

    start: datetime
    end: datetime
    causes: tuple[tuple[str, int], ...]

    @property
    def kills(self) -> int:
        """The number of kills."""
        return sum(count for _, count in self.causes)


class WorkloadKills(Struct, frozen=True):
    """The kills of one workload.

    Attributes:
        previous_kills: Kills in the period before.
        containers: Names of the killed containers that are known.
        limits_bytes: The different limits that were hit, the latest last.
        over_time: Kills in each part of the period.
    """

    namespace: str
    workload: str
    kills: int
    previous_kills: int
    pods: int
    containers: tuple[str, ...]
    causes: tuple[tuple[str, int], ...]
    limits_bytes: tuple[int, ...]
    last: datetime | None
    over_time: tuple[int, ...]


class NodeKills(Struct, frozen=True):
    """The kills on one node."""

    node: str
    kills: int
    pods: int
    causes: tuple[tuple[str, int], ...]
    last: datetime | None


def workload_of(record: KillRecord) -> WorkloadKey:
    """Return what a record is grouped by."""
    return record.namespace, record.workload


def figures(records: Sequence[KillRecord]) -> KillFigures:
    """Return the sums over records."""
    return KillFigures(
        kills=count_kills(records),
        records=len(records),
        workloads=len({workload_of(each) for each in records}),
        pods=_pods(records),
        nodes=len({each.node for each in records if each.node}),
    )


def count_kills(records: Iterable[KillRecord]) -> int:
    """Return the number of kills in records."""
    return sum(each.kills for each in records)


def over_time(period: Period, records: Iterable[KillRecord]) -> tuple[TimeBar, ...]:
    """Return the kills in each part of the period."""
    counted: list[Counter[str]] = [Counter() for _ in period.parts]
    for each in records:
        if each.found is not None:
            counted[period.part_of(each.found)][known_cause(each.cause)] += each.kills
    return tuple(
        TimeBar(part.start, part.end, tuple(sorted(causes.items())))
        for part, causes in zip(period.parts, counted, strict=True)
    )


def by_workload(
    period: Period, records: Sequence[KillRecord], before: Iterable[KillRecord]
) -> list[WorkloadKills]:
    """Return the workloads, the one with the most kills first.

    Args:
        period: The time of the report.
        records: The records of the period.
        before: Those of the period before.
    """
    previous: Counter[WorkloadKey] = Counter()
    for each in before:
        previous[workload_of(each)] += each.kills
    groups = grouped(records, workload_of)
    found = [_workload(period, key, group, previous[key]) for key, group in groups.items()]
    return sorted(found, key=lambda each: (-each.kills, each.namespace, each.workload))


def by_node(records: Iterable[KillRecord]) -> list[NodeKills]:
    """Return the nodes, the one with the most kills first."""
    groups = grouped(records, lambda each: each.node or "<unknown>")
    found = [
        NodeKills(node, count_kills(group), _pods(group), kills_by_cause(group), _last(group))
        for node, group in groups.items()
    ]
    return sorted(found, key=lambda each: (-each.kills, each.node))


def grouped(
    records: Iterable[KillRecord], key: Callable[[KillRecord], K]
) -> dict[K, list[KillRecord]]:
    """Return the records by a key."""
    groups: dict[K, list[KillRecord]] = {}
    for each in records:
        groups.setdefault(key(each), []).append(each)
    return groups


def _workload(
    period: Period, key: WorkloadKey, records: list[KillRecord], previous: int
) -> WorkloadKills:
    in_order = sorted(records, key=lambda each: each.found or period.start)
    limits = dict.fromkeys(each.limit for each in reversed(in_order) if each.limit is not None)
    counts = Counter({0: 0})
    for each in records:
        counts[period.part_of(each.found or period.start)] += each.kills
    return WorkloadKills(
        namespace=key[0],
        workload=key[1],
        kills=count_kills(records),
        previous_kills=previous,
        pods=_pods(records),
        containers=tuple(sorted({each.container for each in records if each.container})),
        causes=kills_by_cause(records),
        limits_bytes=tuple(limits)[::-1],
        last=_last(records),
        over_time=tuple(counts[number] for number in range(len(period.parts))),
    )


def _pods(records: Iterable[KillRecord]) -> int:
    return len({(each.namespace, each.pod_uid or each.pod) for each in records})


def _last(records: Iterable[KillRecord]) -> datetime | None:
    return max((each.found for each in records if each.found), default=None)
