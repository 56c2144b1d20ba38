import asyncio
import threading
from collections.abc import Iterator

import pytest
from oomwarden.agent.runtime.worker import MAX_STUCK, KernelWorker, StuckError


@pytest.fixture
def free() -> Iterator[threading.Event]:
    free = threading.Event()
    yield free
    free.set()


async def test_a_result_and_an_error_come_back() -> None:
    worker = KernelWorker("test")
    assert await worker.run(1, lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await worker.run(1, lambda: 1 // 0)
    assert threading.get_ident() != await worker.run(1, threading.get_ident)
    worker.close()


def is_stuck(worker: KernelWorker) -> bool:
    return worker.stuck_since is not None


async def test_a_stuck_call_is_left_behind_and_others_run(free: threading.Event) -> None:
    worker = KernelWorker("test", timeout=0.01)
    with pytest.raises(StuckError):
        await worker.run(1, free.wait)
    assert is_stuck(worker)
    worker._timeout = 10
    assert await worker.run(2, lambda: "fine") == "fine"
    with pytest.raises(StuckError):
        await worker.run(1, lambda: "skipped")
    free.set()
    async with asyncio.timeout(10):
        while is_stuck(worker):  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0)
    assert await worker.run(1, lambda: "again") == "again"
    worker.close()


async def test_a_late_error_of_a_stuck_call_is_dropped(free: threading.Event) -> None:
    def fail() -> None:
        free.wait()
        raise OSError("late")

    worker = KernelWorker("test", timeout=0.01)
    with pytest.raises(StuckError):
        await worker.run(1, fail)
    free.set()
    async with asyncio.timeout(10):
        while is_stuck(worker):  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0)
    worker.close()


async def test_threads_left_behind_are_bounded(free: threading.Event) -> None:
    worker = KernelWorker("bounded", timeout=0.001)
    for container in range(MAX_STUCK + 3):
        with pytest.raises(StuckError):
            await worker.run(container, free.wait)
    own = [thread for thread in threading.enumerate() if thread.name == "bounded"]
    assert len(own) == MAX_STUCK + 1  # the one that serves
    worker.close()
