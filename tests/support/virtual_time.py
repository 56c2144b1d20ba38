"""An event loop whose clock jumps to the next timer: an hour of an agent takes seconds.

Work for threads runs at once and in place, so that the clock never passes a thread by.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

from oomwarden.agent.runtime.worker import KernelWorker

T = TypeVar("T")

START = 1_800_000_000.0
"""Wall-clock seconds at which the clock starts."""
UPTIME = 100_000.0
"""The same for the monotonic clock."""
_TURN_SECONDS = 1e-6
"""What a turn of the loop takes: a float of this size cannot stand for less than 1e-11."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Never waits. `skew` is how far the wall clock was set off, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.skew = UPTIME, 0.0
        real = self._selector  # type: ignore[attr-defined]
        wait = real.select

        def jump(timeout: float | None = None) -> list[Any]:
            assert timeout is not None, "every task waits for something that never comes"
            self.now += max(timeout, _TURN_SECONDS)
            found: list[Any] = wait(0)
            return found

        real.select = jump

    def time(self) -> float:
        return self.now

    def wall(self) -> float:
        return START + self.now - UPTIME + self.skew

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., T], *args: object
    ) -> asyncio.Future[T]:
        del executor
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            done.set_exception(error)
        return done


async def _run_in_place(_: KernelWorker, key: Hashable, work: Callable[[], T]) -> T:
    del key
    return work()


@contextmanager
def _clocks(loop: VirtualLoop) -> Iterator[None]:
    with (
        patch.object(time, "monotonic", loop.time),
        patch.object(time, "time", loop.wall),
        patch.object(KernelWorker, "run", _run_in_place),
    ):
        yield


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine by a clock of its own, which every module of the agent reads."""
    loop = VirtualLoop()
    with _clocks(loop), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))
