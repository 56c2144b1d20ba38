"""A series that can be judged: cleaned, split where the program restarted, and thinned out."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import isfinite
from typing import NamedTuple

from oomwarden.core.usage_pattern.median import median
from oomwarden.core.usage_pattern.verdict import UsagePoint

MAX_BUCKETS = 120
"""Buckets that a longer series is thinned out to, at equal intervals of time."""
_MAX_SECONDS = 1e15
_MAX_USAGE = 1 << 63
_NEAR_ZERO = 0.15
"""Below this fraction of what it had, a program has started over."""
_NEAR_LIMIT = 0.95
_HALF = 0.5


class TimeBucket(NamedTuple):
    """The readings of a short time. A short series has one in each bucket.

    Attributes:
        at: Seconds since the first reading.
        low: The lowest usage, in bytes like the others.
        middle: The median.
    """

    at: float
    low: float
    middle: float
    high: float


def clean(points: Sequence[UsagePoint]) -> list[UsagePoint]:
    """Return the points that can be, in the order of time, the largest of each millisecond."""
    possible = [
        each
        for each in points
        if isfinite(each.at) and abs(each.at) < _MAX_SECONDS and 0 <= each.usage < _MAX_USAGE
    ]
    possible.sort(key=_moment)
    return [max(group, key=_usage) for _, group in groupby(possible, _moment)]


def _moment(point: UsagePoint) -> int:
    return round(point.at * 1000)


def _usage(point: UsagePoint) -> int:
    return point.usage


def lives(points: Sequence[UsagePoint], limit: int | None) -> list[Sequence[UsagePoint]]:
    """Return the parts between falls to near zero, as restarts make them; at least one.

    Args:
        points: Clean.
        limit: In bytes. A fall by half from the limit is a restart, too.
    """
    starts, top = [0], 0
    for number, (before, after) in enumerate(pairwise(points), 1):
        top = max(top, before.usage)
        floor = _HALF * before.usage if is_at_limit(before, limit) else _NEAR_ZERO * top
        if after.usage < floor and after.usage < _HALF * before.usage:
            starts.append(number)
            top = 0
    return [points[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def is_at_limit(point: UsagePoint, limit: int | None) -> bool:
    """Return whether usage is as good as at the limit."""
    return limit is not None and 0 < _NEAR_LIMIT * limit <= point.usage


def thinned(points: Sequence[UsagePoint]) -> list[TimeBucket]:
    """Return the points in at most MAX_BUCKETS buckets; a gap has none."""
    if not points:
        return []
    start, span = points[0].at, points[-1].at - points[0].at
    if len(points) <= MAX_BUCKETS:
        return [_bucket(start, [each]) for each in points]
    width = span / MAX_BUCKETS
    grouped = groupby(points, lambda each: min(int((each.at - start) / width), MAX_BUCKETS - 1))
    return [_bucket(start, list(group)) for _, group in grouped]


def _bucket(start: float, points: Sequence[UsagePoint]) -> TimeBucket:
    usages = [float(each.usage) for each in points]
    at = sum(each.at - start for each in points) / len(points)
    return TimeBucket(at, min(usages), median(usages), max(usages))
