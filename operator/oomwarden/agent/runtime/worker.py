"""A thread for what may block in the kernel: what is stuck is left behind, not awaited."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 2.0
MOST_STUCK = 8
"""Threads left behind at most; beyond that nothing new is begun."""


class StuckError(Exception):
    """The kernel does not answer for this container, or for too many others."""


@dataclass(slots=True)
class _Job:
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    work: Callable[[], object]

    def run(self) -> None:
        try:
            result, error = self.work(), None
        except BaseException as caught:  # noqa: BLE001 - handed to whoever awaits the job
            result, error = None, caught
        with suppress(RuntimeError):  # the loop has ended: nobody waits for it any more
            self.loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: object, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class KernelWorker:
    """Runs one call after the other in one daemon thread, each for a container."""

    def __init__(self, name: str, patience: float = PATIENCE_SECONDS) -> None:
        self._name = name
        self._patience = patience
        self._turn = asyncio.Lock()
        self._stuck: dict[Hashable, float] = {}
        self._jobs = self._start_thread()

    @property
    def stuck_since(self) -> float | None:
        """Give the monotonic time of the oldest call that has not come back; None: all have."""
        return min(self._stuck.values(), default=None)

    def is_stuck(self, key: Hashable) -> bool:
        """Whether an earlier call has not come back."""
        return key in self._stuck

    def refuses(self, key: Hashable) -> bool:
        """Whether a call would not be begun."""
        return key in self._stuck or len(self._stuck) >= MOST_STUCK

    async def run(self, key: Hashable, work: Callable[[], T]) -> T:
        """Run `work` in the thread; `key` says for what: a container, or some of its processes.

        Raises:
            StuckError: it, or an earlier call with the same key, has not come back.
        """
        async with self._turn:
            if self.refuses(key):
                raise StuckError(self._name)
            loop = asyncio.get_running_loop()
            future: asyncio.Future[T] = loop.create_future()
            self._jobs.put(_Job(loop, future, work))
            done, _ = await asyncio.wait({future}, timeout=self._patience)
            if not done:
                self._leave_behind(key, future)
                raise StuckError(self._name)
            return future.result()

    def _leave_behind(self, key: Hashable, future: "asyncio.Future[T]") -> None:
        self._stuck[key] = time.monotonic()

        def back(done: "asyncio.Future[T]") -> None:
            del self._stuck[key]
            if not done.cancelled():
                done.exception()  # nobody waits for it

        future.add_done_callback(back)
        self._jobs.put(None)
        self._jobs = self._start_thread()

    def _start_thread(self) -> "SimpleQueue[_Job | None]":
        jobs: SimpleQueue[_Job | None] = SimpleQueue()
        threading.Thread(target=_serve, args=(jobs,), name=self._name, daemon=True).start()
        return jobs

    def close(self) -> None:
        """Let the thread end."""
        self._jobs.put(None)


def _serve(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job.run()
