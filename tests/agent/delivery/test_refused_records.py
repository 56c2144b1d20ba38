"""Records that the API server refuses, and names that another program's objects have."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from oomwarden.agent.delivery import deliverer as deliver
from oomwarden.agent.delivery import retry_queue
from oomwarden.agent.store.counters import counts
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.event_series import EventSeries
from oomwarden.core.reporting.delivery_problem import NO_PROBLEM
from oomwarden.kube.oomkill_writer import Delivery
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support.delivering import RecordingApi, delivering, row, span

What = Manifest | EventSeries
INVALID = Delivery(
    retry=WriteResult(WriteOutcome.RETRY, "422 Invalid: no such cause", refused=True, invalid=True)
)


def of_pod(name: str) -> Callable[[What], Delivery | None]:
    return lambda what: INVALID if isinstance(what, dict) and what["pod"]["name"] == name else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sqlite"


async def test_a_refused_record_is_kept_reported_and_retried(path: Path) -> None:
    api = RecordingApi(refuse=of_pod("odd"))
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 5, kills=4, pod="odd"), row(0, 1))
        await agent.until(lambda: agent.deliverer.counts.refused == 1)
        trouble = agent.deliverer.trouble()
        assert trouble.reason == "Refused"
        assert "The API server refuses 1 record: 422 Invalid" in trouble.message
        api.refuse = lambda _: None
        await agent.idle()
        assert await agent.store.run(counts) == {"recorded": 5}
        assert agent.deliverer.trouble() == NO_PROBLEM
    assert len(api.kills) == 2


async def test_a_record_that_is_invalid_for_long_is_stored_without_its_details(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retry_queue, "SHORT_AFTER_SECONDS", 0.2)
    api = RecordingApi(refuse=lambda what: INVALID if "victims" in what else None)  # type: ignore[operator]
    refused = row(0, 5, kills=4, event=False)
    refused.kill["victims"] = [{"pid": 1, "command": "odd"}]
    async with delivering(path, api.post) as agent:
        await agent.enqueue(refused)
        await agent.idle()
        assert await agent.store.run(counts) == {"recorded": 4}
    (kill,) = api.kills.values()
    assert (kill["kills"], span(kill), kill["container"]) == (4, (0, 5), {"name": "app"})
    assert "without its details: 422 Invalid: no such cause" in caplog.text


async def test_a_record_whose_name_exists_is_renamed_and_the_conflict_is_reported(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = row(0, 1).kill["metadata"]["name"]

    def taken(what: What) -> Delivery | None:
        metadata = what["metadata"] if isinstance(what, dict) else what.first["metadata"]
        return Delivery(name_taken_by="Thing shop/x of b") if metadata["name"] == name else None

    api, now = RecordingApi(refuse=taken), time.time()
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 1, at=now), now=now)
        await agent.idle()
        assert await agent.store.run(counts) == {"recorded": 1, "takenNames": 1}
        assert agent.deliverer.trouble().reason == "NameTaken"
    assert len(api.kills) == len(api.events) == 1
    assert name not in api.kills
    assert "belongs to an object of another program: Thing shop/x of b" in caplog.text


async def test_an_event_whose_name_exists_is_renamed(path: Path) -> None:
    first = True

    def taken(what: What) -> Delivery | None:
        nonlocal first
        if isinstance(what, dict) or not first:
            return None
        first = False
        return Delivery(name_taken_by="Event shop/x")

    api, now = RecordingApi(refuse=taken), time.time()
    async with delivering(path, api.post) as agent:
        await agent.enqueue(row(0, 1, at=now), now=now)
        await agent.idle()
    (kill,), (event,) = api.kills, api.events
    assert kill != event


async def test_a_record_whose_new_names_all_exist_waits_like_a_refused_one(path: Path) -> None:
    def taken(what: What) -> Delivery | None:
        return Delivery(name_taken_by="all") if isinstance(what, dict) else None

    async with delivering(path, RecordingApi(refuse=taken).post) as agent:
        await agent.enqueue(row(0, 1))
        await agent.until(lambda: agent.deliverer.counts.refused == 1)
        assert "names in a row exist already" in agent.deliverer.counts.refusal_reason
        assert await agent.store.run(counts) == {"takenNames": deliver.MAX_RENAMES}
