"""Spike: a sudden jump near the end, as before the kill of a burst."""

from oomwarden.core.model.quantity import rounded_bytes as amount
from oomwarden.core.usage_pattern.series import TimeBucket
from oomwarden.core.usage_pattern.shape import SeriesShape
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict
from oomwarden.core.usage_pattern.words import span

_TAIL = 0.25
_TAIL_SECONDS = 1800
_SUDDEN_SECONDS = 600
_SUDDEN_STEPS = 2.5
_MIN_BEFORE = 3
_LEAST = 0.25
"""Fraction of the highest usage before."""
_OF_RANGE = 0.6
_DEVIATIONS = 6.0
_LOW, _HIGH = 0.2, 0.8


def spike(shape: SeriesShape) -> Verdict | None:
    """Return the verdict if usage jumped near the end and is still high."""
    buckets = shape.buckets
    step = shape.seconds / (len(buckets) - 1)
    start = buckets[-1].at - max(min(_TAIL * shape.seconds, _TAIL_SECONDS), 1.5 * step)
    before = [each for each in buckets if each.at < start]
    tail = buckets[len(before) :]
    if len(before) < _MIN_BEFORE:
        return None
    base = max(each.high for each in before)
    jump = max(each.high for each in tail) - base
    least = max(
        _LEAST * base, _DEVIATIONS * shape.deviation, _OF_RANGE * (shape.top - shape.bottom)
    )
    if jump <= least or tail[-1].high < base + jump / 2:
        return None
    took = _rise_seconds([before[-1], *tail], base, jump)
    if took > max(_SUDDEN_SECONDS, _SUDDEN_STEPS * step):
        return None
    return Verdict(Pattern.SPIKE, _evidence(before, base, shape.top, took))


def _rise_seconds(buckets: list[TimeBucket], base: float, jump: float) -> float:
    """Return how long the jump took, from a fifth of it to four fifths."""
    end = next(each.at for each in buckets if each.high >= base + _HIGH * jump)
    low = [each.at for each in buckets if each.at < end and each.high <= base + _LOW * jump]
    return end - (low[-1] if low else buckets[0].at)


def _evidence(before: list[TimeBucket], base: float, top: float, took: float) -> str:
    quiet = before[-1].at - before[0].at
    times = f", {top / base:.1f} times as much" if base else ""
    return (
        f"rose from {amount(base)} to {amount(top)}{times}, within {span(took)} near the end; "
        f"in the {span(quiet)} before it was never above {amount(base)}"
    )
