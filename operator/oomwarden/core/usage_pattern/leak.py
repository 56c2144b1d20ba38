"""Leak: growth over hours that does not level off and is large compared with noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from oomwarden.core.usage_pattern.shape import Shape
from oomwarden.core.usage_pattern.trend import Level, rising_steps, scatter, slope
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict
from oomwarden.core.usage_pattern.words import amount, percent, span, two_digits

MIN_LEAK_SECONDS = 1.9 * 3600
"""Two hours, of which the first or the last reading may be missing."""
MIN_TAU = 0.7
_MIN_TAU_BRIEF = 0.6
_MIN_FLOORS = 5
_MAX_GAP = 0.5
_START = 0.25
"""The fraction of the time that may be the start of the program."""
SLOWING = 0.65
"""Growth of the second half below this fraction of the first half's is levelling off."""
_MIN_LATE = 0.35
_MAX_FALL = 0.25
"""Fraction of the growth that may be given back in between."""
_PARTS = 10
_FORECAST = 10
"""A forecast reaches this many times as far as the readings, not further."""
_UNSURE = 3
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class GrowthHalves:
    """Growth in bytes per second before and after the middle, without the start of the program.

    Attributes:
        error: Standard deviation of either.
    """

    early: float
    late: float
    error: float

    def is_slowing(self, growth: float) -> bool:
        """Return whether the growth levels off."""
        falls = self.early - self.late > self.error and self.late < SLOWING * self.early
        return falls or self.late < _MIN_LATE * growth


def leak(shape: Shape) -> Verdict | None:
    """Return the verdict if the floor rises steadily for hours."""
    if shape.seconds < MIN_LEAK_SECONDS or len(shape.floors) < _MIN_FLOORS:
        return None
    if shape.largest_gap > _MAX_GAP or not shape.is_rising or shape.tau < MIN_TAU:
        return None
    halves = growth_halves(shape.floors)
    if halves.is_slowing(shape.growth) or largest_fall(shape.floors) > _MAX_FALL * shape.rise:
        return None
    seconds, forecast = _to_limit(shape, halves)
    return Verdict(Pattern.LEAK, f"{_grew(shape)}{forecast}", shape.growth, seconds)


def rises_too_briefly(shape: Shape) -> Verdict | None:
    """Return Unknown if it grows like a leak, but too few hours or readings show it."""
    halves = growth_halves(shape.floors)
    is_short = shape.seconds < MIN_LEAK_SECONDS or len(shape.floors) < _MIN_FLOORS
    if not (is_short or shape.largest_gap > _MAX_GAP):
        return None
    if not shape.is_rising or shape.tau < _MIN_TAU_BRIEF or halves.is_slowing(shape.growth):
        return None
    first, last = shape.first_and_last
    lacks = "a leak shows over 2 h or more" if is_short else "most of the time has no readings"
    return Verdict(
        Pattern.UNKNOWN,
        f"grew from {amount(first)} to {amount(last)} in {span(shape.seconds)}; {lacks}",
    )


def growth_halves(floors: Sequence[Level]) -> GrowthHalves:
    """Return the growth in both halves of what follows the start of the program."""
    start, end = floors[0][0], floors[-1][0]
    rest = [each for each in floors if each[0] >= start + _START * (end - start)]
    middle = len(rest) // 2
    early, late = rest[: middle + 1], rest[middle:]
    growth = slope(early), slope(late)
    errors = (_error(half, of) for half, of in zip((early, late), growth, strict=True))
    return GrowthHalves(*growth, max(errors))


def _error(levels: Sequence[Level], growth: float) -> float:
    """Return the standard deviation of a slope of levels at equal distances."""
    seconds = levels[-1][0] - levels[0][0] if levels else 0
    return scatter(levels, growth) * (12 / len(levels)) ** 0.5 / seconds if seconds else 0.0


def largest_fall(floors: Sequence[Level]) -> float:
    """Return by how much the medians of tenths of the time fell at most."""
    start, end = floors[0][0], floors[-1][0]
    parts: dict[int, list[float]] = {}
    for at, value in floors:
        parts.setdefault(int((at - start) / (end - start) * _PARTS), []).append(value)
    highest = fall = 0.0
    for values in parts.values():
        highest = max(highest, median(values))
        fall = max(fall, highest - median(values))
    return fall


def _grew(shape: Shape) -> str:
    first, last = shape.first_and_last
    what = "the lowest level between peaks grew" if shape.is_swinging else "grew"
    return (
        f"{what} {amount(shape.growth * _HOUR)} an hour for {span(shape.seconds)}, from "
        f"{amount(first)} to {amount(last)}, in {percent(_rising(shape.floors))} of the steps"
    )


def _rising(floors: Sequence[Level]) -> float:
    """Return the fraction of rising steps between tenths of the time; noise is not a step."""
    size = max(len(floors) // (2 * _PARTS), 1)
    groups = [floors[start : start + size] for start in range(0, len(floors), size)]
    return rising_steps([(group[0][0], median(value for _, value in group)) for group in groups])


def _to_limit(shape: Shape, halves: GrowthHalves) -> tuple[float | None, str]:
    """Return the seconds until the limit is reached, and the words for it."""
    if shape.limit is None or shape.limit <= 0:
        return None, ""
    usage = _usage(shape)
    left = shape.limit - usage
    if left <= 0:
        return None, f"; at the limit of {amount(shape.limit)} already"
    rates = sorted((shape.growth, halves.early, halves.late))
    longest = _FORECAST * shape.seconds
    if left / shape.growth > longest:
        return None, f"; more than {span(longest)} to the limit of {amount(shape.limit)}"
    if rates[0] <= 0 or rates[-1] > _UNSURE * rates[0]:
        return None, "; the rate varies too much for a forecast"
    return two_digits(left / shape.growth), _forecast(left, rates, shape.limit)


def _usage(shape: Shape) -> float:
    """Return what reaches the limit first: the peaks of a series that swings."""
    if shape.is_swinging:
        return median(value for _, value in shape.peaks[-3:])
    return shape.first_and_last[1]


def _forecast(left: float, rates: Sequence[float], limit: int) -> str:
    soonest, latest = span(left / rates[-1]), span(left / rates[0])
    around = "" if soonest == latest else f" ({soonest} to {latest} as the rate varies)"
    return f"; {span(left / rates[1])} to the limit of {amount(limit)} at this rate{around}"
