"""The memory history of a running container, for the record of a kill.

After the kill the cgroup is gone, so its memory must have been read before.
"""

from array import array
from collections.abc import Iterable, Mapping

from msgspec import Struct

from oomwarden.core.parse.memory_stat import Composition

SAMPLE_SECONDS = 10.0
KEEP_SAMPLES = 30
LARGEST = 5
NEAR = 0.8
"""From this fraction of a limit on, a container's memory is read in detail."""
SOON_SECONDS = 30.0
"""A growing container is near its limit if it would reach it within this time."""
STEP = 0.01
"""Fraction of a limit; a smaller change of usage is not worth another detail."""
STALE_SECONDS = 30.0
"""Anonymous memory can replace page cache while usage does not change at the limit."""
MAX_DETAILS = 8
"""Containers whose memory is read in detail in one round."""
_TIMELINE_SECONDS = (KEEP_SAMPLES + 1) * SAMPLE_SECONDS
_TOLERANCE = 0.9


class UsageSample(Struct, frozen=True):
    """memory.current in bytes, at a wall-clock time in seconds."""

    at: float
    usage: int


class ProcessUsage(Struct, frozen=True):
    """A process of a container.

    Attributes:
        command: Its comm.
        rss: Its resident memory in bytes.
    """

    pid: int
    command: bytes
    rss: int
    oom_score_adj: int


class UsageDetail(Struct, frozen=True):
    """A container's memory in detail.

    Attributes:
        process_count: Number of processes in the container.
        processes: The largest of them.
        inactive_file: Bytes of page cache that the kernel reclaims first.
    """

    sample: UsageSample
    composition: Composition | None
    process_count: int
    processes: tuple[ProcessUsage, ...] = ()
    inactive_file: int = 0

    @property
    def working_set(self) -> int:
        """Charged memory without `inactive_file`, in bytes, as the kubelet computes it.

        Source: cadvisor container/libcontainer/handler.go, setMemoryStats (v0.60).
        """
        return max(self.sample.usage - self.inactive_file, 0)


class MemoryTimeline(Struct, frozen=True):
    """A container's memory up to a kill.

    Attributes:
        last: The newest reading.
        samples: The samples, from the oldest on.
        detail: The last detail before the kill.
        history: Fewer readings of a longer time, from the oldest on (`UsageTrend`).
    """

    last: UsageSample
    samples: tuple[UsageSample, ...] = ()
    detail: UsageDetail | None = None
    history: tuple[UsageSample, ...] = ()


class MemoryBound(Struct, frozen=True):
    """A limit that applies to a container, its own or its pod's, and how much is used (bytes)."""

    used: int
    limit: int

    @property
    def fraction(self) -> float:
        """The fraction of the limit that is used."""
        return self.used / self.limit


class UsageHistory:
    """One container's last samples: about 1 KiB, and 2 KiB more once it was near its limit."""

    __slots__ = ("_at", "_before", "_details", "_last", "_usage")

    def __init__(self) -> None:
        self._at = array("d")
        self._usage = array("Q")
        self._last: UsageSample | None = None
        self._before: UsageSample | None = None
        self._details: tuple[UsageDetail, ...] = ()

    @property
    def usage(self) -> int:
        """Bytes of the last reading; 0 before the first one."""
        return self._last.usage if self._last else 0

    def add(self, sample: UsageSample) -> None:
        """Add a reading; keep it as a sample if the last sample is old enough."""
        self._before, self._last = self._last, sample
        if self._at and 0 <= sample.at - self._at[-1] < SAMPLE_SECONDS * _TOLERANCE:
            return
        self._at.append(sample.at)
        self._usage.append(sample.usage)
        if len(self._at) > KEEP_SAMPLES:
            del self._at[0], self._usage[0]

    @property
    def detail(self) -> UsageDetail | None:
        """The last detail; None if the container was never near its limit."""
        return self._details[-1] if self._details else None

    def add_detail(self, detail: UsageDetail) -> None:
        """Keep a detail and the one before it: the last one may turn out to be after the kill."""
        self._details = (*self._details[-1:], detail)

    def needs_detail(self, bounds: Iterable[MemoryBound], now: float) -> bool:
        """Return whether a detail now would show something new."""
        bounds = tuple(bounds)
        if self._last is None or not self._is_near(bounds):
            return False
        if not self._details:
            return True
        seen = self._details[-1].sample
        moved = abs(self._last.usage - seen.usage) >= _step(bounds)
        return moved or not 0 <= now - seen.at < STALE_SECONDS

    def is_climbing(self, bounds: Iterable[MemoryBound]) -> bool:
        """Return whether it is near its limit and still growing, so that it is read more often."""
        bounds = tuple(bounds)
        return self._is_near(bounds) and self._growth() >= _step(bounds)

    def _is_near(self, bounds: tuple[MemoryBound, ...]) -> bool:
        if any(bound.fraction >= NEAR for bound in bounds):
            return True
        headroom = min((bound.limit - bound.used for bound in bounds), default=None)
        return headroom is not None and headroom <= self._growth_rate() * SOON_SECONDS

    def _growth(self) -> int:
        if self._last is None or self._before is None:
            return 0
        return self._last.usage - self._before.usage

    def _growth_rate(self) -> float:
        """Return the growth in bytes per second between the last two readings."""
        if self._last is None or self._before is None or self._last.at <= self._before.at:
            return 0.0
        return self._growth() / (self._last.at - self._before.at)

    def timeline_until(self, end: float) -> MemoryTimeline | None:
        """Return the readings of the minutes before a wall-clock time; None if there are none.

        A detail with processes is preferred: one that was read during the kill has none, because
        they exited before they could be read.
        """
        samples = tuple(sample for sample in self._samples() if _is_recent(sample, end))
        details = [detail for detail in self._details if _is_recent(detail.sample, end)]
        readings = [*samples, *(detail.sample for detail in details)]
        readings += [each for each in (self._before, self._last) if each and _is_recent(each, end)]
        if not readings:
            return None
        last = max(readings, key=lambda sample: sample.at)
        whole = [detail for detail in details if detail.processes] or details
        return MemoryTimeline(last, samples, whole[-1] if whole else None)

    def _samples(self) -> Iterable[UsageSample]:
        return map(UsageSample, self._at, self._usage)


def _is_recent(sample: UsageSample, end: float) -> bool:
    return 0 <= end - sample.at <= _TIMELINE_SECONDS


def _step(bounds: tuple[MemoryBound, ...]) -> float:
    return min(bound.limit for bound in bounds) * STEP


def fullest(pending: Mapping[int, Iterable[MemoryBound]], most: int = MAX_DETAILS) -> list[int]:
    """Return the containers, by cgroup inode, that are closest to a limit, the closest first."""

    def fraction(inode: int) -> float:
        return max((bound.fraction for bound in pending[inode]), default=0.0)

    return sorted(pending, key=fraction, reverse=True)[:most]


def largest(resident: Mapping[int, int], most: int = LARGEST) -> list[int]:
    """Return the pids with the most resident memory, the largest first; skip those without."""
    found = sorted(resident, key=lambda pid: (-resident[pid], pid))[:most]
    return [pid for pid in found if resident[pid] > 0]
