"""When each watch last received something from the API server."""

import time
from collections.abc import Callable
from functools import partial

from oomwarden.probes.loops import Loop, age_since


class WatchProgress:
    """Monotonic seconds by the name of a watch."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def marker(self, name: str) -> Callable[[], None]:
        """Return a function that records progress of this watch."""
        return partial(self._mark, name)

    def loops(self, names: list[str]) -> list[Loop]:
        """Return the watches as loops without a deadline: they never make the process unhealthy."""
        return [Loop(f"watch-{name}", age_since(partial(self._last, name))) for name in names]

    def _mark(self, name: str) -> None:
        self._at[name] = time.monotonic()

    def _last(self, name: str) -> float:
        return self._at.get(name, 0.0)
