"""Classify readings of memory: what they look like, and the figures that say so.

A leak needs hours: usage that rises for minutes is a start, a cache that fills, or a burst. The
readings are of total usage, so page cache counts too.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from oomwarden.core.model.quantity import rounded_bytes as amount
from oomwarden.core.usage_pattern.leak import MIN_LEAK_SECONDS, leak, levels_off, rises_too_briefly
from oomwarden.core.usage_pattern.normal import MIN_SECONDS, sawtooth, startup, steady, up_and_down
from oomwarden.core.usage_pattern.series import clean, is_at_limit, lives, thinned
from oomwarden.core.usage_pattern.shape import MIN_FALLS, MIN_POINTS, SeriesShape, measure
from oomwarden.core.usage_pattern.spike import spike
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint, Verdict
from oomwarden.core.usage_pattern.words import span

_RULES = (spike, leak, rises_too_briefly, sawtooth, startup, steady, up_and_down, levels_off)
"""The first that fits decides."""
_Life = Sequence[UsagePoint]


def classify(points: Sequence[UsagePoint], limit: int | None = None) -> Verdict:
    """Return what a series looks like, and why.

    Args:
        points: In any order and at any intervals; what cannot be a reading is left out. What
            decides is the part after the last restart.
        limit: In bytes; None if there is none, or if it is not known.
    """
    usable = clean(points)
    found = lives(usable, limit)
    if len(found) == 1:
        return _judged(usable, limit)
    if len(found) > MIN_FALLS and max(map(_seconds, found)) < MIN_LEAK_SECONDS:
        return _short_lives(usable, found, limit)
    verdict = _judged(found[-1], limit)
    return replace(verdict, evidence=f"{verdict.evidence}; {_before(found, verdict, limit)}")


def _judged(life: _Life, limit: int | None) -> Verdict:
    buckets = thinned(life)
    if len(buckets) < MIN_POINTS:
        return _too_few(len(buckets))
    shape = measure(buckets, limit)
    verdicts = (rule(shape) for rule in _RULES)
    return next(filter(None, verdicts), None) or _no_pattern(shape)


def _too_few(count: int) -> Verdict:
    readings = {0: "no readings", 1: "a single reading"}.get(count, f"{count} readings")
    return Verdict(Pattern.UNKNOWN, f"{readings}: too few for a pattern")


def _no_pattern(shape: SeriesShape) -> Verdict:
    if shape.seconds < MIN_SECONDS:
        return Verdict(
            Pattern.UNKNOWN, f"readings of {span(shape.seconds)}: too short for a pattern"
        )
    first, last = shape.middles[0][1], shape.middles[-1][1]
    moved = "grew" if last > first else "fell" if last < first else "moved"
    return Verdict(
        Pattern.UNKNOWN,
        f"{moved} from {amount(first)} to {amount(last)} in {span(shape.seconds)}, between "
        f"{amount(shape.bottom)} and {amount(shape.top)}: no known pattern",
    )


def _seconds(life: _Life) -> float:
    return life[-1].at - life[0].at


def _short_lives(points: _Life, found: Sequence[_Life], limit: int | None) -> Verdict:
    """Return the verdict on falls to near zero that follow each other within less than hours."""
    falls = len(found) - 1
    if all(is_at_limit(life[-1], limit) for life in found[:-1]):
        return Verdict(
            Pattern.UNKNOWN,
            f"reached the limit and restarted {falls} times in {span(_seconds(points))}: it is "
            "killed too soon for a pattern",
        )
    verdict = _judged(points, limit)
    note = f"it fell to near zero {falls} times, as between jobs or when a program restarts"
    return replace(verdict, evidence=f"{verdict.evidence}; {note}")


def _before(found: Sequence[_Life], verdict: Verdict, limit: int | None) -> str:
    """Say that the verdict is on the last life, and what the one before looked like."""
    times = "once" if len(found) == 2 else f"{len(found) - 1} times"  # noqa: PLR2004
    ago = f"restarted {times}, the last time {span(_seconds(found[-1]))} ago"
    if verdict.pattern != Pattern.UNKNOWN:
        return ago
    longest = max(found[:-1], key=_seconds)
    earlier = _judged(longest, limit)
    if earlier.pattern != Pattern.LEAK:
        return ago
    return f"{ago}; before a restart it {earlier.evidence.partition(';')[0]}, like a leak"
