"""A status is written when it changes, at most once a second, and retried after a failure."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.policies import statuses
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import OOMPolicyCache, PolicyState
from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.controller.policies.statuses import PolicyStatusWriter, StatusSources
from oomwarden.core.fleet import write_pace
from oomwarden.core.fleet.node_report import reported_node
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.kube.http.failures import ConnectError

from tests.support.metric_values import durations

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
DB = PolicyKey("OOMPolicy", "shop", "db")
WEB = PolicyKey("ClusterOOMPolicy", "", "web")


def node_status(*keys: PolicyKey, enforced: int = 1, age: float = 60) -> dict[str, Any]:
    heartbeat = (NOW - timedelta(seconds=age)).isoformat()
    agent = {"version": "1", "storeID": "s", "started": heartbeat, "heartbeat": heartbeat}
    kernel = {"release": "6.1", "bootID": "b", "cgroupDriver": "systemd"}
    counts = {"observedGeneration": 1, "matched": 1, "enforced": enforced}
    policies = [key._asdict() | counts for key in keys]
    return {"agent": agent, "kernel": kernel, "policies": policies}


def manifest(name: str, status: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": status}


class World:
    """A writer with its sources, and an API server that records what is written."""

    def __init__(self) -> None:
        self.written: list[tuple[PolicyKey, PolicyStatus]] = []
        self.failures: list[Exception] = []
        self.queue, self.unreadable = PolicyQueue(), UnreadableObjects()
        self.reports = NodeReports(self.queue.add, lambda *_: None, self.unreadable)
        self.policies = OOMPolicyCache(self.queue.add)
        self.cluster: dict[PolicyKey, Any] = {}
        sources = StatusSources(self.reports, self.policies, self.cluster, lambda _: ())
        self.writer = PolicyStatusWriter(
            self.write, self.queue, sources, self.unreadable, lambda: NOW
        )
        self.reports.replace([])

    async def write(self, key: PolicyKey, status: PolicyStatus) -> None:
        if self.failures:
            raise self.failures.pop()
        self.written.append((key, status))
        self.policy(key, status=status)

    def policy(
        self, key: PolicyKey, generation: int = 1, status: PolicyStatus | None = None
    ) -> None:
        known = PolicyState(generation, status or PolicyStatus())
        if key.namespace:
            self.policies.policies[key] = known
        else:
            self.cluster[key] = [known]
        self.queue.add([key])

    def node(self, name: str, status: dict[str, Any]) -> None:
        self.reports.apply(manifest(name, status))

    @contextmanager
    def running(self) -> Iterator[None]:
        task = asyncio.create_task(self.writer.run())
        yield
        assert not task.done(), "it runs until cancelled"
        task.cancel()

    async def idle(self) -> None:
        """Let the loop run for a few turns: its intervals are 0 in tests."""
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "DEBOUNCE_SECONDS", 0)
    monkeypatch.setattr(statuses, "RETRY_SECONDS", 0)
    monkeypatch.setattr(statuses, "PER_SECOND", inf)
    monkeypatch.setattr(write_pace, "INTERVAL_SECONDS", 0)


async def test_a_report_becomes_the_policys_status() -> None:
    world = World()
    world.policy(DB)
    world.node("a", node_status(DB))
    with world.running():
        await world.idle()
    ((key, status),) = world.written
    assert key == DB
    assert (status.enforced, status.nodes) == (1, 1)


async def test_many_changes_within_a_second_are_one_write() -> None:
    world = World()
    world.policy(DB)
    for number in range(9):
        world.node(f"node-{number}", node_status(DB))
    with world.running():
        await world.idle()
    assert len(world.written) == 1
    assert world.written[0][1].enforced == 9


async def test_an_unchanged_status_is_not_written() -> None:
    world = World()
    world.policy(DB)
    with world.running():
        await world.idle()
        world.queue.add([DB])
        await world.idle()
    assert len(world.written) == 1


async def test_a_heartbeat_alone_queues_no_policy() -> None:
    world = World()
    world.node("a", node_status(DB, WEB))
    assert set(world.queue.drain()) == {DB, WEB}
    world.node("a", node_status(DB, WEB, age=1))
    assert world.queue.drain() == []


async def test_a_policy_that_a_node_no_longer_reports_is_queued_too() -> None:
    world = World()
    world.node("a", node_status(DB, WEB))
    world.queue.drain()
    world.node("a", node_status(WEB))
    assert world.queue.drain() == [DB]
    world.reports.delete({"metadata": {"name": "a"}})
    assert world.queue.drain() == [WEB]


async def test_a_failed_write_is_retried(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.failures = [ConnectError("refused")]
    world.policy(DB)
    with world.running():
        await world.idle()
    assert len(world.written) == 1
    assert "OOMPolicy/shop/db was not written, retrying" in caplog.text


async def test_a_status_that_always_fails_delays_no_other_and_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(statuses, "RETRY_SECONDS", 3600)
    world = World()
    world.failures = [ConnectError("refused") for _ in range(4)]
    world.policy(DB)
    with world.running():
        for _ in range(3):
            await world.idle()
            world.queue.add([DB])
        world.policy(WEB)
        await world.idle()
    assert [key for key, _ in world.written] == [WEB]
    assert caplog.text.count("OOMPolicy/shop/db was not written") == 1


async def test_reports_about_a_deleted_policy_are_ignored() -> None:
    world = World()
    world.node("a", node_status(DB))
    with world.running():
        await world.idle()
    assert world.written == []


async def test_a_policy_that_is_deleted_while_its_status_is_written_stops_no_loop() -> None:
    world, other = World(), WEB._replace(name="other")
    stored = {"uid": PolicyState(1, PolicyStatus())}
    world.cluster[WEB] = stored.values()  # a live view, as kopf's stores are

    async def write(key: PolicyKey, status: PolicyStatus) -> None:
        stored.clear()
        if key != WEB:
            await world.write(key, status)

    world.writer.write = write
    world.queue.add([WEB])
    with world.running():
        await world.idle()
        world.policy(other)
        await world.idle()
    assert [key for key, _ in world.written] == [other]


async def test_a_silent_node_is_noticed_without_an_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statuses, "RESYNC_SECONDS", 0)
    world = World()
    world.policy(DB)
    world.reports.replace([reported_node(manifest("a", node_status(DB)))._replace(age=700)])
    world.queue.drain()
    with world.running():
        await world.idle()
    assert "No report for" in world.written[0][1].conditions[0].message


async def test_a_node_that_was_deleted_during_an_outage_is_removed_by_the_next_list() -> None:
    world = World()
    world.policy(DB)
    world.node("a", node_status(DB))
    with world.running():
        await world.idle()
        world.reports.replace([])
        await world.idle()
        assert world.written[-1][1].conditions[0].reason == "NoReports"
        world.node("a", node_status(DB))
        await world.idle()
    assert world.written[-1][1].conditions[0].reason == "Reported"


async def test_nothing_is_written_before_all_nodes_are_listed() -> None:
    world = World()
    world.reports.synced = False
    world.policy(DB)
    world.node("a", node_status(DB))
    with world.running():
        await world.idle()
        assert world.written == []
        both = [manifest(name, node_status(DB)) for name in "ab"]
        world.reports.replace([reported_node(each) for each in both])
        await world.idle()
    assert [status.enforced for _, status in world.written] == [2]


async def test_policies_wait_until_they_are_worked_on_and_the_work_is_timed() -> None:
    world, seen = World(), list[int]()
    world.writer.now = lambda: seen.append(world.writer.waiting()) or NOW  # type: ignore[func-returns-value]
    for key in (DB, WEB):
        world.policy(key)
    assert world.writer.waiting() == 2
    with world.running():
        await world.idle()
    assert seen[0] == 1
    assert world.writer.waiting() == 0
    assert durations(world.writer.counts)["policies"] >= 2


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
