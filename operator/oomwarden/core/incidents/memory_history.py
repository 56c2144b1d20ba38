"""What is kept of a running container's memory, so that the record of a kill can tell of it.

The cgroup is gone after the kill: what is to be told must have been read before.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from oomwarden.core.parse.memory_stat import Composition

SAMPLE_SECONDS = 10.0
KEEP_SAMPLES = 30
LARGEST = 5
NEAR = 0.8
"""Part of a limit from which on a container is worth a closer look."""
SOON_SECONDS = 30.0
"""A container that grows is near its limit when it would reach it within this time."""
STEP = 0.01
"""Part of a limit: usage that moved less tells nothing new."""
STALE_SECONDS = 30.0
"""Anonymous memory can take the place of page cache while usage stands still at the limit."""
MAX_LOOKS = 8
"""Closer looks in one round."""
_TELL_SECONDS = (KEEP_SAMPLES + 1) * SAMPLE_SECONDS
_TOLERANCE = 0.9


@dataclass(frozen=True, slots=True)
class UsageSample:
    """memory.current in bytes, at a wall-clock time in seconds."""

    at: float
    usage: int


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """A process of a container; `rss` in bytes; `command` is its comm."""

    pid: int
    command: bytes
    rss: int
    oom_score_adj: int


@dataclass(frozen=True, slots=True)
class UsageDetail:
    """What a closer look found. `count` is the number of processes, `processes` the largest."""

    sample: UsageSample
    composition: Composition | None
    count: int
    processes: tuple[ProcessUsage, ...] = ()


@dataclass(frozen=True, slots=True)
class MemoryTimeline:
    """A container's memory up to a kill: the newest reading, samples from the oldest on."""

    last: UsageSample
    samples: tuple[UsageSample, ...] = ()
    detail: UsageDetail | None = None


@dataclass(frozen=True, slots=True)
class MemoryBound:
    """A limit that a container runs against, its own or its pod's, and what is used of it."""

    used: int
    limit: int

    @property
    def part(self) -> float:
        """Give the part of the limit that is used."""
        return self.used / self.limit


class UsageHistory:
    """One container's last samples; some 1 KiB, and 2 KiB more once it was near its limit."""

    __slots__ = ("_at", "_before", "_details", "_last", "_usage")

    def __init__(self) -> None:
        self._at = array("d")
        self._usage = array("Q")
        self._last: UsageSample | None = None
        self._before: UsageSample | None = None
        self._details: tuple[UsageDetail, ...] = ()

    @property
    def usage(self) -> int:
        """Give the bytes of the last reading; 0 before the first."""
        return self._last.usage if self._last else 0

    def add(self, sample: UsageSample) -> None:
        """Take a reading; it is kept as a sample when the last one is old enough."""
        self._before, self._last = self._last, sample
        if self._at and 0 <= sample.at - self._at[-1] < SAMPLE_SECONDS * _TOLERANCE:
            return
        self._at.append(sample.at)
        self._usage.append(sample.usage)
        if len(self._at) > KEEP_SAMPLES:
            del self._at[0], self._usage[0]

    def look(self, detail: UsageDetail) -> None:
        """Keep a closer look, and the one before: the last may turn out to be after the kill."""
        self._details = (*self._details[-1:], detail)

    def wants_look(self, bounds: Iterable[MemoryBound], now: float) -> bool:
        """Whether a closer look now would tell what an earlier one has not."""
        bounds = tuple(bounds)
        if self._last is None or not self._is_near(bounds):
            return False
        if not self._details:
            return True
        seen = self._details[-1].sample
        moved = abs(self._last.usage - seen.usage) >= _step(bounds)
        return moved or not 0 <= now - seen.at < STALE_SECONDS

    def is_climbing(self, bounds: Iterable[MemoryBound]) -> bool:
        """Whether it is near its limit and still grows: then it is looked at more often."""
        bounds = tuple(bounds)
        return self._is_near(bounds) and self._growth() >= _step(bounds)

    def _is_near(self, bounds: tuple[MemoryBound, ...]) -> bool:
        if any(bound.part >= NEAR for bound in bounds):
            return True
        room = min((bound.limit - bound.used for bound in bounds), default=None)
        return room is not None and room <= self._pace() * SOON_SECONDS

    def _growth(self) -> int:
        if self._last is None or self._before is None:
            return 0
        return self._last.usage - self._before.usage

    def _pace(self) -> float:
        """Give the growth in bytes per second between the last two readings."""
        if self._last is None or self._before is None or self._last.at <= self._before.at:
            return 0.0
        return self._growth() / (self._last.at - self._before.at)

    def until(self, end: float) -> MemoryTimeline | None:
        """Tell what was seen in the minutes up to a wall-clock time; None: nothing.

        A look in the middle of the kill finds processes that are gone before it can read them.
        """
        samples = tuple(sample for sample in self._samples() if _tells(sample, end))
        details = [detail for detail in self._details if _tells(detail.sample, end)]
        readings = [*samples, *(detail.sample for detail in details)]
        readings += [each for each in (self._before, self._last) if each and _tells(each, end)]
        if not readings:
            return None
        last = max(readings, key=lambda sample: sample.at)
        whole = [detail for detail in details if detail.processes] or details
        return MemoryTimeline(last, samples, whole[-1] if whole else None)

    def _samples(self) -> Iterable[UsageSample]:
        return map(UsageSample, self._at, self._usage)


def _tells(sample: UsageSample, end: float) -> bool:
    return 0 <= end - sample.at <= _TELL_SECONDS


def _step(bounds: tuple[MemoryBound, ...]) -> float:
    return min(bound.limit for bound in bounds) * STEP


def first_to_look_at(
    wanting: Mapping[int, Iterable[MemoryBound]], most: int = MAX_LOOKS
) -> list[int]:
    """Choose the containers, by cgroup inode, that are fullest: they may not live much longer."""

    def part(inode: int) -> float:
        return max((bound.part for bound in wanting[inode]), default=0.0)

    return sorted(wanting, key=part, reverse=True)[:most]


def largest(resident: Mapping[int, int], most: int = LARGEST) -> list[int]:
    """Choose the pids with most resident memory, the largest first; none that has no memory."""
    found = sorted(resident, key=lambda pid: (-resident[pid], pid))[:most]
    return [pid for pid in found if resident[pid] > 0]
