"""Leak: growth over hours that does not level off and is large compared with noise."""

from collections.abc import Sequence

from oomwarden.core.model.quantity import rounded_bytes as amount
from oomwarden.core.usage_pattern.growth import Development, development, largest_fall
from oomwarden.core.usage_pattern.median import median
from oomwarden.core.usage_pattern.shape import SeriesShape
from oomwarden.core.usage_pattern.trend import LevelAt, rising_steps
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict
from oomwarden.core.usage_pattern.words import percent, span, two_digits

MIN_LEAK_SECONDS = 1.9 * 3600
"""Two hours, of which the first or the last reading may be missing."""
MIN_TAU = 0.7
_MIN_TAU_BRIEF = 0.6
_MIN_FLOORS = 5
_MAX_GAP = 0.5
_MAX_FALL = 0.25
"""Fraction of the growth that may be given back in between."""
_FORECAST = 10
"""A forecast reaches this many times as far as the readings, not further."""
_UNSURE = 3
_HOUR = 3600
_STEPS = 20


def leak(shape: SeriesShape) -> Verdict | None:
    """Return the verdict if the floor rises steadily for hours."""
    if shape.seconds < MIN_LEAK_SECONDS or len(shape.floors) < _MIN_FLOORS:
        return None
    if shape.largest_gap > _MAX_GAP or not shape.is_rising or shape.tau < MIN_TAU:
        return None
    rates = development(shape.floors)
    if rates.is_slowing(shape.growth) or largest_fall(shape.floors) > _MAX_FALL * shape.rise:
        return None
    seconds, forecast = _to_limit(shape, rates)
    return Verdict(Pattern.LEAK, f"{_grew(shape)}{forecast}", shape.growth, seconds)


def rises_too_briefly(shape: SeriesShape) -> Verdict | None:
    """Return Unknown if it grows like a leak, but too few hours or readings show it."""
    rates = development(shape.floors)
    is_short = shape.seconds < MIN_LEAK_SECONDS or len(shape.floors) < _MIN_FLOORS
    if not (is_short or shape.largest_gap > _MAX_GAP):
        return None
    if not shape.is_rising or shape.tau < _MIN_TAU_BRIEF or rates.is_slowing(shape.growth):
        return None
    first, last = shape.first_and_last
    lacks = "a leak shows over 2 h or more" if is_short else "most of the time has no readings"
    return Verdict(
        Pattern.UNKNOWN,
        f"grew from {amount(first)} to {amount(last)} in {span(shape.seconds)}; {lacks}",
    )


def levels_off(shape: SeriesShape) -> Verdict | None:
    """Return Unknown if it grows for hours, but ever more slowly."""
    rates = development(shape.floors)
    if not shape.is_rising or shape.tau < MIN_TAU or not rates.slows_steadily:
        return None
    first, last = shape.first_and_last
    at_first, at_last = (amount(rates.quarters[each] * _HOUR) for each in (0, -1))
    return Verdict(
        Pattern.UNKNOWN,
        f"grew from {amount(first)} to {amount(last)} in {span(shape.seconds)}, but ever more "
        f"slowly ({at_first} an hour, at last {at_last}): a cache that fills, more likely than a "
        "leak",
    )


def _grew(shape: SeriesShape) -> str:
    first, last = shape.first_and_last
    what = "the lowest level between peaks grew" if shape.is_swinging else "grew"
    return (
        f"{what} {amount(shape.growth * _HOUR)} an hour for {span(shape.seconds)}, from "
        f"{amount(first)} to {amount(last)}, in {percent(_rising(shape.floors))} of the steps"
    )


def _rising(floors: Sequence[LevelAt]) -> float:
    """Return the fraction of rising steps between tenths of the time; noise is not a step."""
    size = max(len(floors) // (_STEPS), 1)
    groups = [floors[start : start + size] for start in range(0, len(floors), size)]
    return rising_steps([(group[0][0], median(value for _, value in group)) for group in groups])


def _to_limit(shape: SeriesShape, rates: Development) -> tuple[float | None, str]:
    """Return the seconds until the limit is reached, and the words for it."""
    if shape.limit is None or shape.limit <= 0:
        return None, ""
    usage = _usage(shape)
    left = shape.limit - usage
    if left <= 0:
        return None, f"; at the limit of {amount(shape.limit)} already"
    by_rate = sorted((shape.growth, rates.early, rates.late))
    longest = _FORECAST * shape.seconds
    if left / shape.growth > longest:
        return None, f"; more than {span(longest)} to the limit of {amount(shape.limit)}"
    if by_rate[0] <= 0 or by_rate[-1] > _UNSURE * by_rate[0]:
        return None, "; the rate varies too much for a forecast"
    return two_digits(left / shape.growth), _forecast(left, by_rate, shape.limit)


def _usage(shape: SeriesShape) -> float:
    """Return what reaches the limit first: the peaks of a series that swings."""
    if shape.is_swinging:
        return median(value for _, value in shape.peaks[-3:])
    return shape.first_and_last[1]


def _forecast(left: float, rates: Sequence[float], limit: int) -> str:
    soonest, latest = span(left / rates[-1]), span(left / rates[0])
    around = "" if soonest == latest else f" ({soonest} to {latest} as the rate varies)"
    return f"; {span(left / rates[1])} to the limit of {amount(limit)} at this rate{around}"
