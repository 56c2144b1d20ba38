"""How many lines a place of the code may write: a flood must not bury everything else."""

from collections.abc import Hashable
from typing import NamedTuple

from msgspec import Struct, field

MAX_PER_PERIOD = 60
PERIOD_SECONDS = 60.0
MAX_PLACES = 1000
"""Places that are remembered. The code has fewer; this bounds what a library may add."""


class Admission(NamedTuple):
    """What becomes of a line.

    Attributes:
        admitted: Whether it is written.
        last: Whether it is the last one of its place until the period is over.
        suppressed: How many lines of its place were left out in an earlier period.
    """

    admitted: bool
    last: bool = False
    suppressed: int = 0


class _Window(Struct):
    since: float
    lines: int = 0


class RepeatLimit(Struct):
    """Admits lines, so many of each place in each period."""

    _places: dict[Hashable, _Window] = field(default_factory=dict)

    def admit(self, place: Hashable, now: float) -> Admission:
        """Decide on a line.

        Args:
            place: The place of the code that writes it.
            now: Seconds of a clock that is never set back.
        """
        found, suppressed = self._places.get(place), 0
        if found is None or now - found.since >= PERIOD_SECONDS:
            suppressed = max(found.lines - MAX_PER_PERIOD, 0) if found else 0
            if len(self._places) >= MAX_PLACES:
                self._places.clear()
            found = self._places[place] = _Window(now)
        found.lines += 1
        if found.lines > MAX_PER_PERIOD:
            return Admission(admitted=False)
        return Admission(admitted=True, last=found.lines == MAX_PER_PERIOD, suppressed=suppressed)
