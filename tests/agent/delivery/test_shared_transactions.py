import asyncio
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from oomwarden.agent.delivery import deliverer as deliver
from oomwarden.agent.delivery import release_pace
from oomwarden.agent.delivery.deliverer import POSTERS
from oomwarden.agent.delivery.outbox import OutboxCounts
from oomwarden.agent.delivery.outcomes import OutboxSnapshot, settle
from oomwarden.agent.delivery.retry_queue import MAX_IN_FLIGHT
from oomwarden.agent.store.counters import counts
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.event_series import EventSeries
from oomwarden.kube.oomkill_writer import Delivery

from tests.support.delivering import RecordingApi, delivering, left_over, row

What = Manifest | EventSeries


def is_posted(api: RecordingApi, count: int) -> bool:
    return len(api.posts) == count


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sqlite"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many results each transaction stores."""
    sizes: list[int] = []

    def watched(*args: object, **kwargs: object) -> object:
        sizes.append(len(kwargs["final"]))  # type: ignore[arg-type]
        return settle(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(deliver, "settle", watched)
    return sizes


async def test_results_of_many_posts_are_stored_in_one_transaction(
    path: Path, settled: list[int]
) -> None:
    api, gate = RecordingApi(), asyncio.Event()

    async def post(what: What) -> Delivery:
        delivery = await api.post(what)
        await gate.wait()
        return delivery

    async with delivering(path, post) as agent:
        await agent.enqueue(*(row(0, 1, pod=f"p{n}", event=False) for n in range(POSTERS)))
        await agent.until(lambda: len(api.posts) == POSTERS)
        gate.set()
        await agent.idle()
    assert POSTERS in settled


async def test_posts_that_end_while_rows_wait_for_a_poster_share_a_transaction(
    path: Path, settled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, answers = RecordingApi(), asyncio.Semaphore(0)
    rows = 2 * POSTERS

    async def post(what: What) -> Delivery:
        delivery = await api.post(what)
        await answers.acquire()
        return delivery

    monkeypatch.setattr(deliver, "SHARE_SECONDS", 3600.0)
    async with delivering(path, post) as agent:
        await agent.enqueue(*(row(0, 1, pod=f"p{n}", event=False) for n in range(rows)))
        for started in range(POSTERS + 1, rows + 1):
            answers.release()
            await agent.until(partial(is_posted, api, started))
        assert sum(settled) <= 1, "only the last row may have found the queue empty"
        for _ in range(POSTERS):
            answers.release()
        await agent.idle()
    assert max(settled) >= POSTERS - 1


async def test_the_result_of_an_event_is_stored_with_the_next_record(
    path: Path, settled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "EVENT_SECONDS", 3600.0)
    api = RecordingApi()
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 1, pod="first"))
        await agent.until(lambda: len(api.events) == 1)
        turns = len(settled)
        await agent.enqueue(row(0, 1, pod="second", event=False))
        await agent.until(partial(is_posted, api, 2))
        assert settled[turns] == 1, "that of the first one's Event"


async def test_the_result_of_an_event_is_stored_soon_if_nothing_follows(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "EVENT_SECONDS", 0.01)
    monkeypatch.setattr(deliver, "MAX_IDLE_SECONDS", 3600.0)
    monkeypatch.setattr(release_pace, "GAP_SECONDS", 3600.0)
    async with delivering(path, RecordingApi().post) as agent:
        await agent.enqueue(row(0, 1))
        async with asyncio.timeout(10):
            while await agent.store.run(left_over):
                pass


async def test_results_of_many_events_do_not_wait(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "EVENT_SECONDS", 3600.0)
    api = RecordingApi()
    async with delivering(path, api.post) as agent:
        many = 3 * MAX_IN_FLIGHT
        await agent.enqueue(*(row(0, 1, pod=f"p{n}") for n in range(many)))
        await agent.until(lambda: len(api.events) == many)


async def test_a_post_that_ends_while_rows_wait_is_stored_soon(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_pace, "GAP_SECONDS", 3600.0)  # held records cause no turn
    api, held = RecordingApi(), asyncio.Event()

    async def post(what: What) -> Delivery:
        delivery = await api.post(what)
        if len(api.posts) > 1:
            await held.wait()
        return delivery

    async with delivering(path, post) as agent:
        await agent.enqueue(*(row(0, 1, pod=f"p{n}", event=False) for n in range(2 * POSTERS)))
        async with asyncio.timeout(10):
            while (await agent.store.run(counts)).get("recorded") != 1:
                pass
        held.set()
        await agent.idle()


async def test_only_held_records_cause_turns_to_look_through_them(path: Path) -> None:
    async with delivering(path, RecordingApi().post) as agent:
        await agent.enqueue(row(0, 1, event=False))
        await agent.idle()
        deliverer = agent.deliverer
        assert deliverer._pace.next_due() is not None, "they were not looked through every time"
        none = OutboxSnapshot([], [], OutboxCounts(0, 0, 0), None, [])
        one = replace(none, counts=OutboxCounts(1, 1, 0))
        assert deliverer._seconds_to_next(none) == deliver.MAX_IDLE_SECONDS
        assert deliverer._seconds_to_next(one) <= release_pace.GAP_SECONDS
