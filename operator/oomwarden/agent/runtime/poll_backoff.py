"""How long to wait before the API server is asked again: longer each time, and at random.

Agents of a whole fleet fail at the same moment. At a fixed interval, their attempts would keep an
overloaded API server overloaded: on two processors, 500 agents that asked every 5 s sufficed.
"""

import random

from msgspec import Struct


class PollBackoff(Struct):
    """Doubles from `first` to `last`, in seconds."""

    first: float
    last: float
    _failures: int = 0

    def failed(self) -> float:
        """Note a failure; return the seconds to wait."""
        seconds = min(self.first * (1 << min(self._failures, 32)), self.last)
        self._failures += 1
        return seconds * random.uniform(0.5, 1.5)  # noqa: S311 - jitter

    def succeeded(self) -> None:
        """Begin again."""
        self._failures = 0
