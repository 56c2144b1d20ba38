"""An Event on the Pod where the kubelet hides an OOM kill, tried a bounded number of times."""

import asyncio
import time
from typing import Any

import pytest
from oomwarden.agent.delivery.event_retries import TRIES
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.informers.pods import PodEventHandler
from oomwarden.agent.recording.misreports import MisreportNotifier
from oomwarden.core.incidents.incident import investigate
from oomwarden.core.incidents.record_context import RecordContext
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.records.misreport import STABLE_SECONDS
from oomwarden.core.records.oomkill import timestamp
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support.one_kill import RANGE, SNAPSHOT

DONE = WriteResult(WriteOutcome.DONE, "")
AWAY = WriteResult(WriteOutcome.RETRY, "away", retry_after=3.0)
NEVER = WriteResult(WriteOutcome.UNDELIVERABLE, "the namespace is gone")


class World:
    """A notifier with a clock that one turns by hand, and an API server that notes Events."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.answers: list[WriteResult] = []
        self.posted: list[dict[str, Any]] = []
        self.found = MisreportNotifier(self.post, lambda: self.now)

    async def post(self, event: dict[str, Any]) -> WriteResult:
        self.posted.append(event)
        return self.answers.pop(0) if self.answers else DONE

    async def after(self, seconds: float) -> None:
        self.now += seconds
        await self.found.step()

    def misreport(self) -> None:
        now = time.time()
        context = RecordContext("node-1", "boot", now, now)
        self.found.kill_recorded(investigate(RANGE, SNAPSHOT, context))


def pod(reason: str) -> dict[str, Any]:
    ended = {
        "containerID": f"containerd://{'a' * 64}",
        "reason": reason,
        "exitCode": 137,
        "finishedAt": timestamp(time.time()),
    }
    status = {"containerStatuses": [{"name": "app", "state": {"terminated": ended}}]}
    metadata = {"name": "api-1", "namespace": "shop", "uid": "uid"}
    return {"metadata": metadata, "spec": {"containers": [{"name": "app"}]}, "status": status}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def wrong(world: World) -> World:
    """Return the world at the moment when a wrong status is due to be reported."""
    world.misreport()
    world.found.pod_changed(pod("Error"))
    await world.after(STABLE_SECONDS - 1)
    assert world.posted == []
    world.now += 1
    return world


async def test_a_wrong_status_that_stands_causes_one_event(wrong: World) -> None:
    await wrong.after(0)
    await wrong.after(600)
    (event,) = wrong.posted
    assert event["reason"] == "OOMKilledMisreported"


async def test_a_status_that_is_corrected_in_time_causes_no_event(wrong: World) -> None:
    wrong.found.pod_changed(pod("OOMKilled"))
    await wrong.after(600)
    assert wrong.posted == []


async def test_the_event_is_tried_again_after_the_wait_that_was_asked_for(wrong: World) -> None:
    wrong.answers = [AWAY]
    await wrong.after(0)
    await wrong.after(2.9)
    assert len(wrong.posted) == 1
    await wrong.after(0.2)
    assert len(wrong.posted) == 2


@pytest.mark.parametrize(("answer", "tries"), [(AWAY, TRIES), (NEVER, 1)])
async def test_an_event_is_given_up_in_the_end_and_that_is_logged(
    wrong: World, answer: WriteResult, tries: int, caplog: pytest.LogCaptureFixture
) -> None:
    wrong.answers = [answer] * 99
    for _ in range(30):
        await wrong.after(60)
    assert len(wrong.posted) == tries
    (line,) = caplog.messages
    assert "the kubelet reports Error" in line
    assert answer.reason in line


async def test_the_loop_wakes_when_a_word_has_stood_long_enough(wrong: World) -> None:
    task = asyncio.create_task(wrong.found.run())
    while not wrong.posted:
        assert not task.done()
        await asyncio.sleep(0.01)
    task.cancel()
    assert wrong.found.progress > 0


def test_pods_of_the_watch_are_passed_on_even_the_last_state_of_a_deleted_one() -> None:
    seen: list[str] = []
    sink = PodEventHandler(
        Inventory(),
        lambda: None,
        lambda: None,
        lambda pod: seen.append(pod["tag"]),
        UnreadableObjects(),
    )
    sink.replace([pod("Error") | {"tag": "listed"}])
    sink.apply(pod("Error") | {"tag": "changed"})
    sink.delete(pod("Error") | {"tag": "deleted"})
    assert seen == ["listed", "changed", "deleted"]
