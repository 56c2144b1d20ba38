import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from oomwarden.agent.delivery.deliverer import POSTERS
from oomwarden.agent.store.counters import counts
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.event_series import EventSeries
from oomwarden.kube.oomkill_writer import Delivery
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support.delivering import RecordingApi, delivering, row, span

What = Manifest | EventSeries
DENIED = Delivery(retry=WriteResult(WriteOutcome.RETRY, "denied by a policy"))
AWAY = Delivery(retry=WriteResult(WriteOutcome.RETRY, "no answer", server_wide=True))
GONE = Delivery(undeliverable="404 NotFound: namespaces not found")


def first(refusal: Delivery, times: int, which: type = dict) -> Callable[[What], Delivery | None]:
    """Refuse a number of times, then accept; `which` is the type: records (dict) or Events."""
    refused = 0

    def refuse(what: What) -> Delivery | None:
        nonlocal refused
        if not isinstance(what, which) or refused == times:
            return None
        refused += 1
        return refusal

    return refuse


def of_pod(name: str, refusal: Delivery) -> Callable[[What], Delivery | None]:
    return lambda what: refusal if isinstance(what, dict) and what["pod"]["name"] == name else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sqlite"


async def test_a_record_and_its_event_are_posted_and_its_kills_are_counted(path: Path) -> None:
    api, now = RecordingApi(), time.time()
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 3, kills=2, at=now), row(3, 4, at=now), now=now)
        await agent.idle()
        assert await agent.store.run(counts) == {"recorded": 3}
        assert (agent.deliverer.waiting, agent.deliverer.counts.held) == (0, 0)
    assert sorted(span(kill) for kill in api.kills.values()) == [(0, 3), (3, 4)]
    assert api.events.keys() == api.kills.keys()


async def test_an_old_kill_is_recorded_without_an_event(path: Path) -> None:
    api = RecordingApi()
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 1, at=time.time() - 3700))
        await agent.idle()
    assert (len(api.kills), api.events) == (1, {})


async def test_a_post_that_hangs_does_not_block_the_others(path: Path) -> None:
    api = RecordingApi()

    async def post(what: What) -> Delivery:
        if isinstance(what, dict) and what["pod"]["name"] == "pod-0":
            await asyncio.Event().wait()
        return await api.post(what)

    async with delivering(path, post) as agent:
        await agent.enqueue(*(row(0, 1, pod=f"pod-{n}") for n in range(50)))
        await agent.until(lambda: len(api.kills) == 49)


async def test_a_record_that_is_refused_once_is_posted_at_a_retry(path: Path) -> None:
    api = RecordingApi(refuse=first(DENIED, 1))
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 1))
        await agent.idle()
    assert len(api.kills) == 1


async def test_a_record_of_a_deleted_namespace_is_kept_with_the_reason(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api = RecordingApi(refuse=of_pod("gone", GONE))
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 5, kills=4, pod="gone"), row(0, 1))
        await agent.until(lambda: agent.deliverer.counts.undeliverable == 1)
        await agent.idle()
        assert await agent.store.run(counts) == {"recorded": 1, "undeliverable": 4}
        kept = await agent.store.run(lambda db: db.execute("SELECT reason FROM outbox").fetchall())
    assert kept == [(GONE.undeliverable,)]
    assert "(4 kills) is undeliverable: 404 NotFound" in caplog.text


async def test_every_record_is_posted_when_an_unreachable_api_server_is_back(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    api = RecordingApi(refuse=first(AWAY, 17))
    async with delivering(path, api.post) as agent:
        await agent.enqueue(*(row(0, 1, pod=f"pod-{n}") for n in range(100)))
        await agent.idle()
    assert len(api.kills) == 100
    assert caplog.text.count("delivery of every record is delayed") == 1


async def test_a_refused_event_does_not_delay_its_record(path: Path) -> None:
    api, now = RecordingApi(refuse=first(DENIED, 10**9, EventSeries)), time.time()
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 1, at=now), now=now)
        await agent.until(lambda: len(api.kills) == 1)
        while not await agent.store.run(counts):
            continue
        api.refuse = lambda _: None
        await agent.idle()
    assert len(api.posts) == 1
    assert len(api.events) == 1


async def test_an_undeliverable_event_is_given_up_and_its_record_stays(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api, now = RecordingApi(refuse=first(GONE, 10**9, EventSeries)), time.time()
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 1, at=now), now=now)
        await agent.idle()
        assert await agent.store.run(counts) == {"recorded": 1}
    assert "the Event shop/" in caplog.text


async def test_the_sixth_record_raises_the_series_of_an_earlier_event(path: Path) -> None:
    api, now = RecordingApi(), time.time()
    async with delivering(path, api.post) as agent:
        await agent.enqueue(*(row(n, n + 1, at=now) for n in range(8)), now=now - 59.9)
        await agent.until(lambda: len(api.kills) == 6)
        await agent.idle()
    assert len(api.events) == 5
    (series,) = [event["series"] for event in api.events.values() if "series" in event]
    assert series["count"] == 4
    assert [kill["kills"] for kill in api.kills.values() if span(kill) == (5, 8)] == [3]


async def test_a_series_whose_event_was_deleted_starts_a_new_event(path: Path) -> None:
    api, now = RecordingApi(), time.time()
    async with delivering(path, api.post) as agent:
        for n in range(5):
            await agent.enqueue(row(n, n + 1, at=now), now=now - 60)
        await agent.idle()
        api.events.clear()
        await agent.enqueue(row(5, 9, kills=4, at=now), now=now)
        await agent.idle()
    (event,) = api.events.values()
    assert event["metadata"]["name"] == row(5, 9).kill["metadata"]["name"]
    assert event["series"]["count"] == 4


async def test_kills_that_a_stored_record_does_not_cover_are_recorded_once(path: Path) -> None:
    api, shorter = RecordingApi(), row(0, 3, kills=2).kill
    api.kills[shorter["metadata"]["name"]] = shorter
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 7, kills=5))
        await agent.until(lambda: len(api.kills) == 2)
        await agent.idle()
        assert await agent.store.run(counts) == {"recorded": 5}
    assert sorted((span(kill), kill["kills"]) for kill in api.kills.values()) == [
        ((0, 3), 2), ((3, 7), 3),
    ]  # fmt: skip


async def test_a_post_whose_answer_was_lost_with_the_agent_is_repeated_without_a_duplicate(
    path: Path,
) -> None:
    api, now = RecordingApi(), time.time()

    async def dies(what: What) -> Delivery:
        await api.post(what)
        await asyncio.Event().wait()
        raise AssertionError

    async with delivering(path, dies) as agent:
        await agent.enqueue(*(row(n, n + 1, at=now) for n in range(5)), now=now)
        await agent.until(lambda: len(api.posts) == 5)
    async with delivering(path, api.post) as agent:
        await agent.idle()
        assert await agent.store.run(counts) == {"recorded": 5}
    assert (len(api.posts), len(api.kills), len(api.events)) == (10, 5, 5)


async def test_records_are_posted_before_events(path: Path) -> None:
    api, now, order = RecordingApi(), time.time(), list[str]()

    async def post(what: What) -> Delivery:
        order.append("event" if isinstance(what, EventSeries) else "record")
        return await api.post(what)

    async with delivering(path, post) as agent:
        await agent.enqueue(*(row(0, 1, pod=f"p{n}", at=now) for n in range(30)), now=now)
        await agent.idle()
    ends = len(order) - order[::-1].index("record")
    assert order[:ends].count("event") <= POSTERS
