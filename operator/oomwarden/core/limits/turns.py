"""Whose turn it is, among many who each may have much to do: nobody's length makes others wait."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Generic, TypeVar

Who = TypeVar("Who", bound=Hashable)


@dataclass(slots=True)
class FairQueue(Generic[Who]):
    """Gives turns in the order in which they fell due: who has had one comes behind all others.

    Each step takes time in the logarithm of their number. Times are seconds of any one clock.
    """

    _due: dict[Who, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, Who]] = field(default_factory=list)
    _number: "count[int]" = field(default_factory=count)

    def put(self, who: Who, due: float) -> None:
        """Have somebody's turn come when it is due, or earlier if that was said before."""
        if due < self._due.get(who, inf):
            self._due[who] = due
            heappush(self._heap, (due, next(self._number), who))

    def drop(self, who: Who) -> None:
        """Take somebody's turn away."""
        self._due.pop(who, None)

    def take(self, now: float) -> Who | None:
        """Give whose turn it is, who then has none any more; None: nobody's is due."""
        if self.soonest() > now:
            return None
        _, _, who = heappop(self._heap)
        del self._due[who]
        return who

    def soonest(self) -> float:
        """Tell when the next turn is due; infinity: there is none."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else inf
