"""A container's usage over the last day in few readings: a leak needs hours to show.

The last four hours have a reading every five minutes, the hours before one every quarter of an
hour: 128 readings of 8 bytes. They are kept in memory only; a new agent begins again.
"""

from array import array
from collections.abc import Sequence

from oomwarden.core.incidents.memory_history import MemoryTimeline, UsageSample
from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.verdict import UsagePoint, Verdict

TREND_SECONDS = 300.0
"""Time between two readings."""
OLD_TREND_SECONDS = 900.0
"""Time between two readings that are older than the `KEEP_FINE` newest ones."""
KEEP_FINE = 48
KEEP_SECONDS = 24 * 3600.0
MAX_READINGS = KEEP_FINE + 80
PHASES = 30
"""Containers take their readings in turn, so that not all of them have one in the same round."""
MAX_JUDGED, MAX_JUDGED_SAMPLES = 48, 12
"""Readings and samples that a verdict is based on: the time that it takes grows with the square."""
_TOLERANCE = 0.9
_UNIT = 4096
"""Usage is a multiple of the page size, which is at least this (Linux mm/page_counter.c)."""
_KNUTH = 2654435761
"""Spreads numbers that are at equal distances (The Art of Computer Programming, 6.4)."""
_MOST_UNITS = (1 << 32) - 1


class UsageTrend:
    """One container's readings: 1 KiB, and 0.3 KiB for the objects that hold them.

    Args:
        inode: The container's cgroup, from which its turn follows.
    """

    __slots__ = ("_at", "_due", "_phase", "_units")

    def __init__(self, inode: int = 0) -> None:
        self._at = array("I")
        self._units = array("I")
        self._phase = turn_of(inode, PHASES) * (TREND_SECONDS / PHASES)
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._at)

    def add(self, sample: UsageSample) -> bool:
        """Add a sample if a reading is due; return whether it was.

        After the clock was set back, the trend begins again.
        """
        if self._at and sample.at < self._at[-1]:
            del self._at[:], self._units[:]
        elif sample.at < self._due:
            return False
        turns = (sample.at - self._phase) // TREND_SECONDS + 1
        self._due = turns * TREND_SECONDS + self._phase
        self._at.append(int(sample.at))
        self._units.append(min(sample.usage // _UNIT, _MOST_UNITS))
        self._thin_out()
        return True

    def _thin_out(self) -> None:
        """Drop the reading that has just become an old one, if another one is near it."""
        aged = len(self._at) - KEEP_FINE - 1
        near = OLD_TREND_SECONDS * _TOLERANCE
        if aged > 0 and self._at[aged] - self._at[aged - 1] < near:
            del self._at[aged], self._units[aged]
        oldest = self._at[-1] - KEEP_SECONDS
        while self._at[0] < oldest or len(self._at) > MAX_READINGS:
            del self._at[0], self._units[0]

    def readings_until(self, end: float) -> list[UsageSample]:
        """Return the readings up to a wall-clock time, the oldest first."""
        pairs = zip(self._at, self._units, strict=True)
        return [UsageSample(float(at), units * _UNIT) for at, units in pairs if at <= end]

    def has_grown(self, fraction: float) -> bool:
        """Return whether the newest third is on average larger than the oldest one.

        Args:
            fraction: By how much, of the oldest third.
        """
        third = len(self._units) // 3
        if third == 0:
            return False
        first, last = sum(self._units[:third]), sum(self._units[-third:])
        return last > first * (1 + fraction)


def turn_of(inode: int, turns: int) -> int:
    """Return which of several turns is a cgroup's.

    Inodes alone would not spread well: the kernel numbers the files of a cgroup, too.
    """
    return (inode * _KNUTH >> 16) % turns


def thin(samples: Sequence[UsageSample], most: int) -> tuple[UsageSample, ...]:
    """Return at most `most` of the samples, at about equal distances, with the last one."""
    if len(samples) <= most:
        return tuple(samples)
    step = (len(samples) - 1) / (most - 1)
    return tuple(samples[round(number * step)] for number in range(most))


def judge(readings: Sequence[UsageSample], limit: int | None) -> Verdict:
    """Return what the readings of a trend look like.

    Args:
        readings: The oldest first.
        limit: In bytes; None if there is none.
    """
    few = thin(readings, MAX_JUDGED + MAX_JUDGED_SAMPLES)
    return classify([UsagePoint(each.at, each.usage) for each in few], limit)


def judge_timeline(timeline: MemoryTimeline, limit: int | None) -> Verdict:
    """Return what usage before a kill looks like: hours of it, or minutes of a young container."""
    before = thin(timeline.history, MAX_JUDGED)
    samples = thin(timeline.samples, MAX_JUDGED_SAMPLES) if before else timeline.samples
    return judge([*before, *samples, timeline.last], limit)
