"""How often the same container of the same owner was killed before."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from oomwarden.core.history.filters import newest_first
from oomwarden.core.history.kill_record import KillRecord

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
MAX_NAMES = 5
_CHILDREN = {"CronJob": ("Job", r"\d+"), "Rollout": ("ReplicaSet", r"[a-z0-9]+")}
"""Kinds whose children, which own the pods, have a name of their own and a suffix (kubernetes
pkg/controller/cronjob/utils.go, getJobName, v1.37; argo-rollouts rollout/sync.go, v1.8)."""


class EarlierKills(Struct, frozen=True):
    """The kills before one.

    Attributes:
        last_24h: Kills within 24 hours before this one.
        last_7d: Kills within 7 days before this one.
        first: When the first of them was found.
        limits_bytes: The limits that were hit, the oldest first, this kill's last; no repetition.
        records: Names of the latest earlier records.
    """

    kills: int
    last_24h: int
    last_7d: int
    first: datetime | None
    limits_bytes: tuple[int, ...]
    records: tuple[str, ...]


def belongs_to(record: KillRecord, kind: str, name: str) -> bool:
    """Return whether a pod belonged to a workload, also through a Job or ReplicaSet of it."""
    if record.owner is None:
        return (kind, name) == ("Pod", record.pod)
    if record.owner == (kind, name):
        return True
    child, suffix = _CHILDREN.get(kind, ("", ""))
    pattern = rf"{re.escape(name)}-{suffix}"
    return record.owner[0] == child and re.fullmatch(pattern, record.owner[1]) is not None


def earlier_kills(
    record: KillRecord, others: Sequence[KillRecord], kind: str, name: str
) -> EarlierKills:
    """Count the kills before a record.

    Args:
        record: The record.
        others: All records of the namespace.
        kind: Kind of the topmost owner.
        name: Its name.
    """
    before = [
        each
        for each in newest_first(list(others))
        if each.name != record.name
        and belongs_to(each, kind, name)
        and each.containers == record.containers
        and _is_before(each, record)
    ]
    times = [each.found for each in before if each.found]
    return EarlierKills(
        kills=sum(each.kills for each in before),
        last_24h=_within(before, record, _DAY),
        last_7d=_within(before, record, _WEEK),
        first=min(times, default=None),
        limits_bytes=_limits([*reversed(before), record]),
        records=tuple(each.name for each in before[:MAX_NAMES]),
    )


def _is_before(each: KillRecord, record: KillRecord) -> bool:
    return each.found is not None and record.found is not None and each.found <= record.found


def _within(before: Sequence[KillRecord], record: KillRecord, span: timedelta) -> int:
    return sum(
        each.kills
        for each in before
        if each.found and record.found and record.found - each.found <= span
    )


def _limits(records: Sequence[KillRecord]) -> tuple[int, ...]:
    found: list[int] = []
    for each in records:
        if each.limit is not None and found[-1:] != [each.limit]:
            found.append(each.limit)
    return tuple(found)
