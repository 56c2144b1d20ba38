"""A queue in which keys with much work do not delay the others."""

from collections.abc import Hashable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Generic, TypeVar

from msgspec import Struct, field

Key = TypeVar("Key", bound=Hashable)


class FairQueue(Struct, Generic[Key]):
    """Returns keys in the order in which they fell due, so that a key that had its turn comes last.

    Each operation takes time logarithmic in the number of keys. Times are seconds of any one clock.
    """

    _due: dict[Key, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, Key]] = field(default_factory=list)
    _number: "count[int]" = field(default_factory=count)

    def put(self, key: Key, due: float) -> None:
        """Schedule a turn for a key, unless it already has an earlier one."""
        if due < self._due.get(key, inf):
            self._due[key] = due
            heappush(self._heap, (due, next(self._number), key))

    def drop(self, key: Key) -> None:
        """Cancel a key's turn."""
        self._due.pop(key, None)

    def pop(self, now: float) -> Key | None:
        """Remove and return the key whose turn it is; None if none is due."""
        if self.next_due() > now:
            return None
        _, _, key = heappop(self._heap)
        del self._due[key]
        return key

    def next_due(self) -> float:
        """Return when the next turn is due; infinity if there is none."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else inf
