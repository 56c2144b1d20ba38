"""A value of the event loop's thread, as another thread may see it."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Taken(Generic[T]):
    """A value, and when it was taken in monotonic seconds."""

    value: T
    at: float


class Snapshot(Generic[T]):
    """Has the event loop take a value whenever another thread looks.

    So nothing iterates over what the loop changes meanwhile, and it costs nothing while nobody
    looks. A loop that hangs is waited for once: until it goes on, what it gave last is given.
    """

    def __init__(self, take: Callable[[], T], loop: asyncio.AbstractEventLoop) -> None:
        self._take = take
        self._loop = loop
        self._answered = threading.Event()
        self._answered.set()
        self._last: Taken[T] | None = None

    def look(self) -> Taken[T] | None:
        """Give the value as it is now, or as it was when the loop last ran; None: it never did."""
        if self._answered.is_set() and not self._loop.is_closed():
            self._answered.clear()
            self._loop.call_soon_threadsafe(self._answer)
            self._answered.wait(PATIENCE_SECONDS)
        return self._last

    def _answer(self) -> None:
        try:
            self._last = Taken(self._take(), time.monotonic())
        finally:
            self._answered.set()
