"""A thread for calls that may block in the kernel; a stuck call is abandoned with its thread."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from msgspec import Struct

T = TypeVar("T")

TIMEOUT_SECONDS = 2.0
MAX_STUCK = 8
"""Most abandoned threads; with as many, the worker starts no new calls."""


class StuckError(Exception):
    """A call for this container is stuck in the kernel, or too many others are."""


class _Job(Struct):
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    work: Callable[[], object]

    def run(self) -> None:
        try:
            result, error = self.work(), None
        except BaseException as caught:  # noqa: BLE001 - raised in the task that awaits the job
            result, error = None, caught
        with suppress(RuntimeError):  # the event loop has ended
            self.loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: object, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class KernelWorker:
    """Runs calls one at a time in a daemon thread.

    A call that does not return within the timeout is abandoned: its thread stays, and a new one
    runs the next calls.
    """

    def __init__(self, name: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._name = name
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._stuck: dict[Hashable, float] = {}
        self._jobs = self._start_thread()

    @property
    def stuck_since(self) -> float | None:
        """The monotonic time of the oldest call that has not returned; None if all have."""
        return min(self._stuck.values(), default=None)

    def is_stuck(self, key: Hashable) -> bool:
        """Return whether an earlier call with this key has not returned."""
        return key in self._stuck

    def refuses(self, key: Hashable) -> bool:
        """Return whether `run` would raise immediately."""
        return key in self._stuck or len(self._stuck) >= MAX_STUCK

    async def run(self, key: Hashable, work: Callable[[], T]) -> T:
        """Run a call in the thread.

        Args:
            key: What the call is for: a container, or some of its processes.
            work: The call.

        Raises:
            StuckError: the call, or an earlier one with the same key, has not returned.
        """
        async with self._turn:
            if self.refuses(key):
                raise StuckError(self._name)
            loop = asyncio.get_running_loop()
            future: asyncio.Future[T] = loop.create_future()
            self._jobs.put(_Job(loop, future, work))
            done, _ = await asyncio.wait({future}, timeout=self._timeout)
            if not done:
                self._abandon(key, future)
                raise StuckError(self._name)
            return future.result()

    def _abandon(self, key: Hashable, future: "asyncio.Future[T]") -> None:
        self._stuck[key] = time.monotonic()

        def returned(done: "asyncio.Future[T]") -> None:
            del self._stuck[key]
            if not done.cancelled():
                done.exception()  # mark it as retrieved: no task awaits it

        future.add_done_callback(returned)
        self._jobs.put(None)
        self._jobs = self._start_thread()

    def _start_thread(self) -> "SimpleQueue[_Job | None]":
        jobs: SimpleQueue[_Job | None] = SimpleQueue()
        threading.Thread(target=_serve, args=(jobs,), name=self._name, daemon=True).start()
        return jobs

    def close(self) -> None:
        """End the thread after its current call."""
        self._jobs.put(None)


def _serve(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job.run()
