"""Deletions are concurrent; an overloaded API server gets fewer requests, later."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from oomwarden.controller.retention.deletions import MAX_BATCH, TRIES, Deletions
from oomwarden.core.quota.retention import StoredRecord
from oomwarden.kube.transport.errors import ApiError, error_from_status

from tests.support.stored_records import FIVE, FakeStore, record


@dataclass
class FakeDeletable:
    how: Callable[[StoredRecord], Awaitable[bool]]

    async def delete(self, record: StoredRecord) -> bool:
        return await self.how(record)


def too_many_requests(after: int) -> ApiError:
    details = {"retryAfterSeconds": after}
    return error_from_status(
        {"code": 429, "reason": "TooManyRequests", "message": "", "details": details}
    )


async def test_deletions_are_concurrent_and_start_with_one() -> None:
    store, running, most = FakeStore([record(n, hours=50) for n in range(5000)]), 0, 0

    async def delete(_: StoredRecord) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return True

    deletions = Deletions(FakeDeletable(delete), store.sleep)
    await deletions.delete(store.records)
    assert (deletions.deleted, most, running) == (5000, MAX_BATCH, 0)


async def test_a_pause_that_the_api_server_asks_for_halves_the_next_batch() -> None:
    store, calls = FakeStore([record(n, hours=50) for n in range(2000)]), 0

    async def delete(_: StoredRecord) -> bool:
        nonlocal calls
        calls += 1
        if calls == 500:
            raise too_many_requests(after=7)
        return True

    deletions = Deletions(FakeDeletable(delete), store.sleep)
    await deletions.delete(store.records)
    assert deletions.deleted == 2000
    assert [seconds for seconds in store.slept if seconds >= 7] == [7.0]


async def test_an_api_server_that_does_not_recover_ends_the_round() -> None:
    store, tried = FakeStore(FIVE), 0

    async def delete(_: StoredRecord) -> bool:
        nonlocal tried
        tried += 1
        raise too_many_requests(after=0)

    with pytest.raises(ApiError):
        await Deletions(FakeDeletable(delete), store.sleep).delete(FIVE)
    assert (tried, len(store.slept)) == (TRIES, TRIES - 1)
    assert store.slept == sorted(store.slept)
