"""Robust trends: Theil-Sen's slope, Mann-Kendall's concordance, noise, and swings."""

from collections.abc import Sequence
from itertools import combinations, pairwise

from oomwarden.core.usage_pattern.median import median

LevelAt = tuple[float, float]
"""Seconds, and bytes at that time."""
_DEVIATION = 1.4826
"""Median absolute deviation to standard deviation, of normally distributed values."""
_THIRD_OF_VARIANCE = (2 / 3) ** 0.5
"""A value less the mean of its neighbours has 3/2 of the variance of a value."""


def slope(levels: Sequence[LevelAt]) -> float:
    """Return the median of the slopes between any two (Theil 1950, Sen 1968); 0 without any."""
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for earlier, later in combinations(levels, 2)
        if later[0] > earlier[0]
    ]
    return median(slopes) if slopes else 0.0


def concordance(levels: Sequence[LevelAt]) -> float:
    """Return Kendall's tau against time: 1 if each is higher than all before it, -1 if lower."""
    signs = [(b[1] > a[1]) - (b[1] < a[1]) for a, b in combinations(levels, 2)]
    return sum(signs) / len(signs) if signs else 0.0


def scatter(levels: Sequence[LevelAt], growth: float) -> float:
    """Return how far the levels are from a line of this growth, as a robust standard deviation."""
    rests = [value - growth * at for at, value in levels]
    centre = median(rests)
    return _DEVIATION * median(abs(each - centre) for each in rests)


def noise(levels: Sequence[LevelAt]) -> float:
    """Return the standard deviation of a value from what its neighbours suggest."""
    values = [value for _, value in levels]
    steps = [
        abs(own - (before + after) / 2)
        for before, own, after in zip(values, values[1:], values[2:], strict=False)
    ]
    return _DEVIATION * _THIRD_OF_VARIANCE * median(steps) if steps else 0.0


def swings(levels: Sequence[LevelAt], size: float) -> tuple[list[LevelAt], list[LevelAt]]:
    """Return the troughs and the peaks between which values move by more than a size.

    A trough counts once the values have fallen to it and risen from it.
    """
    troughs: list[LevelAt] = []
    peaks: list[LevelAt] = []
    low = high = levels[0]
    direction = 0
    for each in levels[1:]:
        low = min(low, each, key=_value)
        high = max(high, each, key=_value)
        if direction >= 0 and each[1] < high[1] - size:
            peaks.append(high)
            direction, low = -1, each
        elif direction <= 0 and each[1] > low[1] + size:
            troughs += [low] if direction else []
            direction, high = 1, each
    return troughs, peaks


def _value(level: LevelAt) -> float:
    return level[1]


def rising_steps(levels: Sequence[LevelAt]) -> float:
    """Return the fraction of steps that go up, of those that move at all."""
    moves = [later[1] - earlier[1] for earlier, later in pairwise(levels)]
    moved = [each for each in moves if each]
    return sum(each > 0 for each in moved) / len(moved) if moved else 0.0
