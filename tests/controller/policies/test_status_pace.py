"""The number of status writes is bounded, whatever changes and whatever the API server answers."""

import asyncio

import pytest
from oomwarden.controller.policies import statuses
from oomwarden.core.fleet import write_pace
from oomwarden.kube.http.failures import ConnectError

from tests.support.policy_statuses import DB, WEB, World, no_waiting, node_status


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    no_waiting(monkeypatch)


async def test_a_policy_that_changes_all_the_time_waits_and_delays_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_pace, "INTERVAL_SECONDS", 3600)
    world = World()
    world.policy(DB)
    with world.running():
        for number in range(5):
            world.node(f"node-{number}", node_status(DB))
            await world.idle()
        world.policy(WEB)
        await world.idle()
    assert [key for key, _ in world.written] == [DB, WEB]
    assert world.writer.waiting() == 2, "both are computed again after the interval"


async def test_while_the_api_server_refuses_all_writes_few_are_tried_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, slept = World(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real_sleep(0)

    real_sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", sleep)
    world.failures = [ConnectError("refused") for _ in range(3)]
    keys = [DB._replace(name=f"p{number}") for number in range(20)]
    for key in keys:
        world.policy(key)
    with world.running():
        for _ in range(100):
            await real_sleep(0)
    assert {key for key, _ in world.written} == set(keys)
    pauses = [each for each in slept if 0 < each < statuses.RESYNC_SECONDS]
    assert len(pauses) == 1
    assert pauses[0] >= write_pace.MIN_PAUSE_SECONDS
