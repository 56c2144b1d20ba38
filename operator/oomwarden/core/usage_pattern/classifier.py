"""Classify readings of memory: what they look like, and the figures that say so.

A leak needs hours: usage that rises for minutes is a start, a cache that fills, or a burst. The
readings are of total usage, so page cache counts too.
"""

from collections.abc import Sequence
from dataclasses import replace

from oomwarden.core.usage_pattern.leak import leak, rises_too_briefly
from oomwarden.core.usage_pattern.normal import sawtooth, startup, steady
from oomwarden.core.usage_pattern.series import clean, last_life, thinned
from oomwarden.core.usage_pattern.shape import MIN_POINTS, Shape, measure
from oomwarden.core.usage_pattern.spike import spike
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint, Verdict
from oomwarden.core.usage_pattern.words import amount, span

_RULES = (spike, leak, rises_too_briefly, sawtooth, startup, steady)
"""The first that fits decides."""


def classify(points: Sequence[UsagePoint], limit: int | None = None) -> Verdict:
    """Return what a series looks like, and why.

    Args:
        points: In any order and at any intervals; what cannot be a reading is left out. Only the
            part after the last restart is judged.
        limit: In bytes; None if there is none, or if it is not known.
    """
    life = last_life(clean(points), limit)
    buckets = thinned(life.points)
    if len(buckets) < MIN_POINTS:
        return _after_restarts(_too_few(len(buckets)), life.restarts)
    shape = measure(buckets, limit, len(life.points))
    verdicts = (rule(shape) for rule in _RULES)
    return _after_restarts(next(filter(None, verdicts), _no_pattern(shape)), life.restarts)


def _too_few(count: int) -> Verdict:
    readings = {0: "no readings", 1: "a single reading"}.get(count, f"{count} readings")
    return Verdict(Pattern.UNKNOWN, f"{readings}: too few for a pattern")


def _no_pattern(shape: Shape) -> Verdict:
    first, last = shape.middles[0][1], shape.middles[-1][1]
    moved = "grew" if last > first else "fell" if last < first else "moved"
    return Verdict(
        Pattern.UNKNOWN,
        f"{moved} from {amount(first)} to {amount(last)} in {span(shape.seconds)}, between "
        f"{amount(shape.bottom)} and {amount(shape.top)}: no known pattern",
    )


def _after_restarts(verdict: Verdict, restarts: int) -> Verdict:
    if not restarts:
        return verdict
    times = "once" if restarts == 1 else f"{restarts} times"
    return replace(
        verdict, evidence=f"{verdict.evidence} (since the last restart; it restarted {times})"
    )
