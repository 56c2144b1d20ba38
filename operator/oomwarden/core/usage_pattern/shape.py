"""What the rules look at: levels, swings and the trend of a series."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from oomwarden.core.usage_pattern.median import median
from oomwarden.core.usage_pattern.series import TimeBucket
from oomwarden.core.usage_pattern.trend import LevelAt, concordance, noise, scatter, slope, swings

MIN_POINTS = 4
"""Readings; fewer have no pattern."""
SIGNIFICANT = 4.0
"""Standard deviations that a growth has to exceed."""
SMALL_GROWTH = 0.05
"""Fraction of the usage; a smaller growth is none."""
_SWING = 0.08
_SWING_DEVIATIONS = 6.0
MIN_FALLS = 3
_OF_SWINGS = 0.25
"""Fraction of the swings that a growth of their floor has to exceed."""
_MIN_TROUGHS = 5
_FAST = 0.1
"""Fraction of the usage by which it goes up and down within a bucket, or from one to the next."""
_INSIDE = 3
FLOOR_WINDOWS = 24
_WINDOWS = 10


class SeriesShape(NamedTuple):
    """A series, measured. Sizes are in bytes, times in seconds since its first reading.

    Attributes:
        buckets: Its readings, thinned out.
        limit: None if it is not known.
        middles: The median of each bucket.
        deviation: Noise from one bucket to the next, as a standard deviation.
        troughs: Lowest levels between two peaks.
        peaks: Highest levels before each fall.
        floors: What a trend is judged by: the troughs of a series that goes up and down, the
            lowest readings if it does so within a bucket, else the middles.
        growth: Robust slope of the floors, in bytes per second.
        rest: How far the floors are from a line, as a standard deviation.
        tau: Concordance of the floors with time, -1..1.
    """

    buckets: Sequence[TimeBucket]
    limit: int | None
    middles: Sequence[LevelAt]
    deviation: float
    troughs: Sequence[LevelAt]
    peaks: Sequence[LevelAt]
    floors: Sequence[LevelAt]
    growth: float
    rest: float
    tau: float

    @property
    def seconds(self) -> float:
        """The time between the first reading and the last one."""
        return self.buckets[-1].at - self.buckets[0].at

    @property
    def level(self) -> float:
        """The median."""
        return median(value for _, value in self.middles)

    @property
    def top(self) -> float:
        """The highest reading."""
        return max(each.high for each in self.buckets)

    @property
    def bottom(self) -> float:
        """The lowest reading."""
        return min(each.low for each in self.buckets)

    @property
    def is_swinging(self) -> bool:
        """Whether it goes up and down several times."""
        return len(self.peaks) >= MIN_FALLS

    @property
    def first_and_last(self) -> tuple[float, float]:
        """The floors at the beginning and at the end, as medians of a tenth of them."""
        count = max(len(self.floors) // _WINDOWS, 1)
        first, last = self.floors[:count], self.floors[-count:]
        return median(value for _, value in first), median(value for _, value in last)

    @property
    def rise(self) -> float:
        """By how much the floors rose from the beginning to the end."""
        first, last = self.first_and_last
        return last - first

    @property
    def amplitude(self) -> float:
        """By how much readings go up and down, besides the rise."""
        lows = sorted(each.low for each in self.buckets)
        highs = sorted(each.high for each in self.buckets)
        tenth = len(lows) // _WINDOWS
        return max(highs[-1 - tenth] - lows[tenth] - abs(self.rise), 0.0)

    @property
    def is_rising(self) -> bool:
        """Whether the floors rose by more than noise explains."""
        least = max(SMALL_GROWTH * self.level, SIGNIFICANT * self.rest, _OF_SWINGS * self.amplitude)
        return self.growth > 0 and min(self.rise, self.growth * self.seconds) > least

    @property
    def largest_gap(self) -> float:
        """The longest time without a reading, as a fraction of the whole."""
        gaps = (later.at - earlier.at for earlier, later in pairwise(self.buckets))
        return max(gaps) / self.seconds


def measure(buckets: Sequence[TimeBucket], limit: int | None) -> SeriesShape:
    """Measure a series of at least MIN_POINTS buckets."""
    middles = [(each.at, each.middle) for each in buckets]
    deviation = noise(middles)
    size = max(_SWING * max(each.high for each in buckets), _SWING_DEVIATIONS * deviation)
    troughs, peaks = swings(middles, size)
    floors = _floors(buckets, deviation, troughs, is_swinging=len(peaks) >= MIN_FALLS)
    growth = slope(floors)
    return SeriesShape(
        buckets,
        limit,
        middles,
        deviation,
        troughs,
        peaks,
        floors,
        growth,
        scatter(floors, growth),
        concordance(floors),
    )


def _floors(
    buckets: Sequence[TimeBucket],
    deviation: float,
    troughs: Sequence[LevelAt],
    *,
    is_swinging: bool,
) -> Sequence[LevelAt]:
    middles = [(each.at, each.middle) for each in buckets]
    if is_swinging and len(troughs) >= _MIN_TROUGHS:
        return troughs
    inside = median(each.high - each.low for each in buckets)
    if max(inside, _INSIDE * deviation) > _FAST * median(value for _, value in middles):
        return _lowest(buckets)
    return middles


def _lowest(buckets: Sequence[TimeBucket]) -> Sequence[LevelAt]:
    """Return the lowest reading of each window of time."""
    start, width = buckets[0].at, (buckets[-1].at - buckets[0].at) / FLOOR_WINDOWS
    windows = groupby(buckets, lambda each: min(int((each.at - start) / width), FLOOR_WINDOWS - 1))
    lowest = (min(window, key=_low) for _, window in windows)
    return [(each.at, each.low) for each in lowest]


def _low(bucket: TimeBucket) -> float:
    return bucket.low
