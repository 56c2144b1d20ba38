"""How often held records are looked through: a storm holds thousands, and wakes all the time."""

from msgspec import Struct

from oomwarden.core.quota.pressure import Pressure

GAP_SECONDS = 1.0
SHARE = 20
"""Looking through pauses for this many times its own duration: 5 % of a processor at most."""


class ReleasePace(Struct):
    """When the held records are looked through next. Times are event-loop times in seconds."""

    _not_before: float = float("-inf")
    _due: float | None = None
    _began: float = 0.0
    _pressure: Pressure | None = None
    _is_skipped: bool = False

    def begin(self, now: float, pressure: Pressure) -> bool:
        """Return whether to look through them now."""
        changed, self._pressure, self._began = pressure != self._pressure, pressure, now
        due = changed or now >= self._not_before
        self._is_skipped = self._is_skipped or not due
        return due

    def end(self, now: float, wait: float | None) -> None:
        """Note that they were looked through.

        Args:
            now: When that ended.
            wait: Seconds until the next one is due; None if none is held.
        """
        self._not_before = now + max(GAP_SECONDS, SHARE * (now - self._began))
        self._due = None if wait is None else now + wait
        self._is_skipped = False

    def next_due(self) -> float | None:
        """Return when to look through them again; None: once there are new ones."""
        if self._is_skipped:
            return self._not_before
        return None if self._due is None else max(self._due, self._not_before)
