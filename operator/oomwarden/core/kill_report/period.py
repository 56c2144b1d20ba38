"""The time that a report covers, in equal parts."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from oomwarden.core.history.kill_record import KillRecord

MAX_PARTS = 48
"""Bars that fit side by side on a phone."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = (
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14, 28, 91, 182, 364)),
)
"""Lengths of a part in seconds; all but the weeks begin at a round time of UTC."""


class Period(Struct, frozen=True):
    """From `start` on, and before `end`."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    @property
    def previous(self) -> "Period":
        """The period of the same length before this one."""
        try:
            return Period(self.start - self.length, self.start)
        except OverflowError:  # before the year 1
            return Period(datetime.min.replace(tzinfo=UTC), self.start)

    def covers(self, time: datetime | None) -> bool:
        """Return whether a time is in the period."""
        return time is not None and self.start <= time < self.end

    @property
    def step(self) -> timedelta:
        """The length of its parts: the shortest of which MAX_PARTS are enough."""
        seconds = self.length.total_seconds()
        fitting = (each for each in _STEPS if _count(self.start, seconds, each) <= MAX_PARTS)
        return timedelta(seconds=next(fitting, max(_STEPS[-1], seconds / (MAX_PARTS - 1))))

    @property
    def parts(self) -> tuple["Period", ...]:
        """The parts; the first one begins at a round time, at the start or before."""
        step = self.step
        begin = _floor(self.start, step.total_seconds())
        count = _count(self.start, self.length.total_seconds(), step.total_seconds())
        return tuple(Period(begin + n * step, begin + (n + 1) * step) for n in range(count))

    def part_of(self, time: datetime) -> int:
        """Return the number of the part that a time of the period belongs to."""
        step = self.step
        return int((time - _floor(self.start, step.total_seconds())) / step)


def _floor(time: datetime, step: float) -> datetime:
    return time - timedelta(seconds=time.timestamp() % step)


def _count(start: datetime, seconds: float, step: float) -> int:
    return max(-int(-(start.timestamp() % step + seconds) // step), 1)


def within(period: Period, records: list[KillRecord]) -> list[KillRecord]:
    """Return the records of the kills that were found in a period."""
    return [each for each in records if period.covers(each.found)]
