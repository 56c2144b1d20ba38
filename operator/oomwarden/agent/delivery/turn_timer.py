"""When the results of posts are stored: immediately, or together with those of other posts."""

import asyncio
from collections.abc import Callable

from msgspec import Struct

SHARE_SECONDS = 0.05
"""While rows wait for a poster, posts that end within this time share a turn: each one is a
transaction, and the posters go on meanwhile."""
EVENT_SECONDS = 2.0
"""Nothing waits for the result of an Event: it is stored with the next record, or after this time.
An agent that ends before then posts the same Event again, which changes nothing."""


class TurnTimer(Struct):
    """The shortest of the times that were asked for since the last turn."""

    _next: asyncio.TimerHandle | None = None

    def within(self, seconds: float, wake: Callable[[], None]) -> None:
        """Wake the deliverer after so many seconds, unless it is woken earlier."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._next is not None and self._next.when() <= due:
            return
        self.cancel()
        self._next = loop.call_at(due, wake)

    def cancel(self) -> None:
        """Note that a turn begins."""
        if self._next is not None:
            self._next.cancel()
        self._next = None
