"""When each watch heard from the API server last."""

import time
from collections.abc import Callable
from functools import partial

from oomwarden.probes.loops import Loop, age_since


class WatchProgress:
    """Monotonic seconds by the name of a watch."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def of(self, name: str) -> Callable[[], None]:
        """Give what notes a sign of life of this watch."""
        return partial(self._note, name)

    def loops(self, names: list[str]) -> list[Loop]:
        """Give the watches as loops, which never make the agent unhealthy."""
        return [Loop(f"watch-{name}", age_since(partial(self._last, name))) for name in names]

    def _note(self, name: str) -> None:
        self._at[name] = time.monotonic()

    def _last(self, name: str) -> float:
        return self._at.get(name, 0.0)
