"""Sums over records: by workload, namespace, node or cause."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from oomwarden.core.history.kill_record import KillRecord


class Grouping(StrEnum):
    """What records are summed by."""

    WORKLOAD = "workload"
    NAMESPACE = "namespace"
    NODE = "node"
    CAUSE = "cause"


class Rollup(Struct, frozen=True):
    """The kills of one group.

    Attributes:
        key: The group, such as (namespace, workload).
        kills: Number of kills.
        records: Number of OOMKills.
        pods: Number of different pods.
        last: When the latest kill was found.
    """

    key: tuple[str, ...]
    kills: int
    records: int
    pods: int
    last: datetime | None


def roll_up(records: Iterable[KillRecord], by: Grouping) -> list[Rollup]:
    """Return the groups, the one with the most kills first."""
    groups: dict[tuple[str, ...], list[KillRecord]] = {}
    for record in records:
        groups.setdefault(_key(record, by), []).append(record)
    found = [_rollup(key, members) for key, members in groups.items()]
    return sorted(found, key=lambda each: (-each.kills, each.key))


def _key(record: KillRecord, by: Grouping) -> tuple[str, ...]:
    return {
        Grouping.WORKLOAD: (record.namespace, record.workload),
        Grouping.NAMESPACE: (record.namespace,),
        Grouping.NODE: (record.node or "<unknown>",),
        Grouping.CAUSE: (record.cause,),
    }[by]


def _rollup(key: tuple[str, ...], records: list[KillRecord]) -> Rollup:
    pods = {(each.namespace, each.pod_uid or each.pod) for each in records}
    times = [each.found for each in records if each.found]
    kills = sum(each.kills for each in records)
    return Rollup(key, kills, len(records), len(pods), max(times, default=None))
