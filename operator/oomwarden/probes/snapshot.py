"""Reads a value in the event loop's thread, for another thread."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")

TIMEOUT_SECONDS = 0.3


class TimedValue(Struct, Generic[T], frozen=True):
    """A value and when it was read."""

    value: T
    at: float
    """Monotonic seconds."""


class Snapshot(Generic[T]):
    """Lets the event loop read a value whenever another thread asks for it.

    So the other thread never iterates over what the loop changes, and the loop does nothing while
    there are no requests. A hanging loop is waited for once; until it runs again, requests return
    the last value.
    """

    def __init__(self, read: Callable[[], T], loop: asyncio.AbstractEventLoop) -> None:
        self._read = read
        self._loop = loop
        self._answered = threading.Event()
        self._answered.set()
        self._last: TimedValue[T] | None = None

    def get(self) -> TimedValue[T] | None:
        """Return the current value, or the last one if the loop hangs; None if there is none."""
        if self._answered.is_set() and not self._loop.is_closed():
            self._answered.clear()
            self._loop.call_soon_threadsafe(self._answer)
            self._answered.wait(TIMEOUT_SECONDS)
        return self._last

    def _answer(self) -> None:
        try:
            self._last = TimedValue(self._read(), time.monotonic())
        finally:
            self._answered.set()
