"""A loop waits for a signal that others set."""

import asyncio

import pytest
from oomwarden.agent.runtime.signal import Signal


async def test_a_signal_that_was_set_before_is_not_missed() -> None:
    signal = Signal()
    signal.set()
    assert signal.is_set()
    assert await signal.wait(0.0)


async def test_a_signal_wakes_the_loop_that_waits_once() -> None:
    signal = Signal()
    waiting = asyncio.create_task(signal.wait())
    await asyncio.sleep(0)
    signal.set()
    assert await waiting
    assert not signal.is_set()
    assert not await signal.wait(0.0)


async def test_a_loop_that_is_cancelled_together_with_the_signal_ends() -> None:
    signal = Signal()
    waiting = asyncio.create_task(signal.wait(10))
    await asyncio.sleep(0)
    signal.set()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_signal_that_is_waited_for_without_clearing_stays_set() -> None:
    signal = Signal()
    assert not await signal.set_within(0.0)
    signal.set()
    first = signal.since
    signal.set()
    assert await signal.set_within(None)
    assert signal.since == first > 0, "the first change counts"
    assert signal.clear()
    assert not signal.clear()


async def test_a_signal_that_is_to_be_set_later_wakes_the_loop_once_for_all_changes() -> None:
    signal, wakes = Signal(), 0
    for _ in range(3):
        signal.set_later(0.0)
    assert not signal.is_set()
    while await signal.wait(0.05):
        wakes += 1
    assert wakes == 1


async def test_a_loop_that_turns_to_other_changes_handles_later_ones_with_them() -> None:
    signal = Signal()
    signal.set_later(0.01)
    signal.set()
    assert await signal.wait()
    signal.set_later(0.01)
    assert signal.clear(), "what was to be handled later is handled now"
    assert not await signal.wait(0.05)
