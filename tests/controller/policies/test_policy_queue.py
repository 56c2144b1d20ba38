"""The work queue holds each policy once, and a delayed one is added once."""

import asyncio

from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.core.policy.policy import PolicyKey

A, B, C = (PolicyKey("OOMPolicy", "shop", name) for name in "abc")


async def test_a_policy_that_is_added_twice_is_processed_once() -> None:
    queue = PolicyQueue()
    queue.add([A, B])
    queue.add([A])
    await queue.wait()
    assert queue.drain() == [A, B]
    assert queue.drain() == []


async def test_a_drained_queue_waits_for_the_next_policy() -> None:
    queue = PolicyQueue()
    queue.add([A])
    queue.drain()
    waiting = asyncio.create_task(queue.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.add([B])
    await waiting


async def test_a_delayed_policy_is_added_once_and_can_be_delayed_again() -> None:
    queue = PolicyQueue()
    for _ in range(2):
        queue.add_after(A, 0)
        queue.add_after(A, 3600)
        await queue.wait()
        assert queue.drain() == [A]


async def test_the_queue_is_as_long_as_what_is_due_now_or_later() -> None:
    queue = PolicyQueue()
    queue.add([A, B])
    queue.add_after(A, 60)
    queue.add_after(C, 60)
    assert len(queue) == 3
    queue.drain()
    assert len(queue) == 2
