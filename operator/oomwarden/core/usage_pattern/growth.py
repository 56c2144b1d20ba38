"""How growth develops: whether it slows down, and whether some of it is given back."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from oomwarden.core.usage_pattern.median import median
from oomwarden.core.usage_pattern.trend import LevelAt, scatter, slope

_START = 0.25
"""The fraction of the time that may be the start of the program."""
_SLOWING = 0.65
"""Growth of the second half below this fraction of the first half's is levelling off."""
_MIN_LATE = 0.35
_SLOWER = 0.8
"""Growth that falls in each quarter, to this fraction in the last one, is levelling off."""
_QUARTERS = 4
_SIGNIFICANT = 3.0
_MIN_IN_QUARTER = 5
_PARTS = 10


class Development(NamedTuple):
    """Growth in bytes per second over time, without the start of the program.

    Attributes:
        early: Before the middle.
        late: After the middle.
        error: Standard deviation of either.
        quarters: In each quarter; none of a short series.
        quarter_error: Standard deviation of each.
    """

    early: float
    late: float
    error: float
    quarters: Sequence[float]
    quarter_error: float

    def is_slowing(self, growth: float) -> bool:
        """Return whether the growth levels off."""
        falls = self.early - self.late > self.error and self.late < _SLOWING * self.early
        return falls or self.late < _MIN_LATE * growth or self.slows_steadily

    @property
    def slows_steadily(self) -> bool:
        """Whether each quarter grew less than the one before it, as a logarithm does."""
        if not self.quarters:
            return False
        first, last = self.quarters[0], self.quarters[-1]
        is_falling = all(before > after for before, after in pairwise(self.quarters))
        fall = first - last
        return is_falling and fall > max((1 - _SLOWER) * first, _SIGNIFICANT * self.quarter_error)


def development(floors: Sequence[LevelAt]) -> Development:
    """Return how the growth of at least two floors develops after the start of the program."""
    start, end = floors[0][0], floors[-1][0]
    rest = [each for each in floors if each[0] >= start + _START * (end - start)]
    (early, late), error = _slopes(rest, 2)
    quarters, quarter_error = _slopes(rest, _QUARTERS)
    is_long = len(rest) >= _MIN_IN_QUARTER * _QUARTERS
    return Development(early, late, error, quarters if is_long else (), quarter_error)


def _slopes(levels: Sequence[LevelAt], parts: int) -> tuple[list[float], float]:
    """Return the slope of each part, and the largest standard deviation of one."""
    edges = [len(levels) * number // parts for number in range(parts + 1)]
    pieces = [levels[begin : end + 1] for begin, end in pairwise(edges)]
    slopes = [slope(piece) for piece in pieces]
    return slopes, max(_error(piece, of) for piece, of in zip(pieces, slopes, strict=True))


def _error(levels: Sequence[LevelAt], growth: float) -> float:
    """Return the standard deviation of a slope of levels at equal distances."""
    seconds = levels[-1][0] - levels[0][0] if levels else 0
    return scatter(levels, growth) * (12 / len(levels)) ** 0.5 / seconds if seconds else 0.0


def largest_fall(floors: Sequence[LevelAt]) -> float:
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
