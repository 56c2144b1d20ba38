"""The level that agents read follows the number of records."""

import asyncio
import logging
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from oomwarden.controller.retention.publishing import RENEW_SECONDS, PressurePublisher
from oomwarden.core.quota.pressure import Pressure, PressureLevel
from oomwarden.core.quota.record_counts import EASE_SECONDS, RecordCount, RecordCounts
from oomwarden.core.quota.retention import Bounds
from oomwarden.kube.http.failures import ConnectError

from tests.support.stored_records import NOW, FakeBoard, FakeStore, record, retention

BOUNDS = Bounds(per_namespace=1000, per_cluster=50_000)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def publisher(
    board: FakeBoard, words: Callable[[], str] = lambda: ""
) -> tuple[PressurePublisher, Clock]:
    clock = Clock()
    return PressurePublisher(BOUNDS, board, words, clock), clock


async def test_a_calm_level_is_published_and_renewed_every_few_minutes() -> None:
    board = FakeBoard()
    one, clock = publisher(board)
    for _ in range(int(RENEW_SECONDS)):
        await one.publish()
        clock.now += 1
    assert board.published == [Pressure(nodes=7)]
    await one.publish()
    assert board.published == [Pressure(nodes=7)] * 2


async def test_many_new_records_raise_the_level_at_the_next_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    board = FakeBoard()
    one, _ = publisher(board)
    await one.publish()
    one.record_total(RecordCount(all=30_000, young=30_000))
    with caplog.at_level(logging.WARNING):
        await one.publish()
    assert board.published[-1].cluster is PressureLevel.HIGH
    assert "agents merge more kills into one OOMKill (level 2 of 3" in caplog.text


async def test_a_level_falls_by_one_in_an_hour() -> None:
    board = FakeBoard()
    one, clock = publisher(board)
    one.record_total(RecordCount(60_000, 60_000))
    levels = []
    for _ in range(5):
        await one.publish()
        levels.append(board.published[-1].cluster)
        clock.now += EASE_SECONDS
        one.record_total(RecordCount(0, 0))
    assert levels == [
        PressureLevel.FULL,
        PressureLevel.HIGH,
        PressureLevel.SOME,
        PressureLevel.CALM,
        PressureLevel.CALM,
    ]


async def test_a_restarted_operator_continues_at_the_published_level() -> None:
    board = FakeBoard(before=Pressure(PressureLevel.SOME, {"shop": PressureLevel.FULL}))
    one, _ = publisher(board)
    one.record_counts(RecordCounts(NOW))
    await one.publish()
    assert board.published == [Pressure(PressureLevel.SOME, {"shop": PressureLevel.FULL}, nodes=7)]


async def test_a_failed_publication_is_logged_once_and_retried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    board = FakeBoard(fails=[ConnectError("refused") for _ in range(2)])
    one, _ = publisher(board)
    for _ in range(3):
        await one.publish()
    assert board.published == [Pressure(nodes=7)]
    (line,) = caplog.messages
    assert "ConfigMap oomwarden-pressure could not be read or written" in line


async def test_a_round_counts_what_it_reads_and_publishes_which_namespace_is_full() -> None:
    board = FakeBoard()
    young = [record(n, hours=0.5, namespace="loop") for n in range(9)]
    store = FakeStore([*young, record(1, hours=30)])
    loop = retention(store, replace(BOUNDS, per_namespace=10), board)
    assert await loop.run_round()
    await loop.publisher.publish()
    assert board.published == [Pressure(namespaces={"loop": PressureLevel.HIGH}, nodes=7)]
    assert store.deleted == []


async def test_old_records_do_not_look_like_a_storm_to_an_operator_that_starts() -> None:
    store, board = FakeStore([record(n, hours=50) for n in range(600)]), FakeBoard()
    bounds = Bounds(days=0, per_pod=0, per_namespace=0, per_cluster=700)
    task = asyncio.create_task(retention(store, bounds, board).run())
    while len(store.tokens) < 400:
        assert not task.done()
        await asyncio.to_thread(lambda: None)
    task.cancel()
    assert {one.cluster for one in board.published} == {PressureLevel.CALM}


async def test_a_storm_during_a_long_round_is_published() -> None:
    store, board = FakeStore([record(n, hours=50) for n in range(600)]), FakeBoard()
    bounds = Bounds(days=0, per_pod=0, per_namespace=0, per_cluster=700)
    loop = retention(store, bounds, board)
    assert await loop.run_round()
    for storm in range(600):
        store.records.append(record(storm, hours=0, namespace="zoo"))
    board.published.clear()
    assert await loop.run_round()
    assert {one.cluster for one in board.published} == {PressureLevel.HIGH}


async def test_many_new_records_start_the_next_round_early() -> None:
    store, rounds = FakeStore([]), asyncio.Event()

    def grow(_: str) -> None:
        if len(store.tokens) == 2:
            rounds.set()
        store.records = [record(n, hours=0) for n in range(1100)]

    store.when_listed = grow
    task = asyncio.create_task(retention(store, BOUNDS).run())
    await rounds.wait()
    task.cancel()
    assert sum(store.slept) < 120


async def test_unreadable_objects_are_published_at_most_once_a_minute() -> None:
    board, messages = FakeBoard(), ["", *(f"{n} objects" for n in range(600))]
    remaining = iter(messages)
    one, clock = publisher(board, lambda: next(remaining))
    for _ in messages:
        await one.publish()
        clock.now += 1
    assert len(board.published) == 11
    assert board.unreadable == ["", *(f"{n} objects" for n in range(59, 600, 60))]
