"""Statuses are written when they change, once a second at most, and again after a failure."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller import statuses
from oomwarden.controller.statuses import Policy, PolicyKey, StatusWriter, reports_of

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
DB = PolicyKey("OOMPolicy", "shop", "db")
WEB = PolicyKey("ClusterOOMPolicy", None, "web")


def node_status(*keys: PolicyKey, enforced: int = 1, age: float = 60) -> OOMNodeStatus:
    heartbeat = (NOW - timedelta(seconds=age)).isoformat()
    agent = {"version": "1", "storeID": "s", "started": heartbeat, "heartbeat": heartbeat}
    kernel = {"release": "6.1", "bootID": "b", "cgroupDriver": "systemd"}
    counts = {"observedGeneration": 1, "matched": 1, "enforced": enforced}
    policies = [key._asdict() | counts for key in keys]
    return OOMNodeStatus.model_validate({"agent": agent, "kernel": kernel, "policies": policies})


class World:
    """A writer with what kopf's indices would hold, and an API server that notes what it gets."""

    def __init__(self) -> None:
        self.written: list[tuple[PolicyKey, PolicyStatus]] = []
        self.failures: list[Exception] = []
        self.deleted_nodes: set[str] = set()
        self.writer = StatusWriter(self.write, self.exists, lambda: NOW)
        self.reports: dict[PolicyKey, list[Any]] = {}
        self.policies: dict[PolicyKey, Any] = {}
        self.writer.reports, self.writer.policies = self.reports, self.policies

    async def write(self, key: PolicyKey, status: PolicyStatus) -> None:
        if self.failures:
            raise self.failures.pop()
        self.written.append((key, status))
        self.policies[key] = [Policy(self.policies[key][0].generation, status)]

    async def exists(self, node: str) -> bool:
        return node not in self.deleted_nodes

    def policy(self, key: PolicyKey, generation: int = 1) -> None:
        self.policies[key] = [Policy(generation, PolicyStatus())]
        self.writer.touch([key])

    def node(self, name: str, status: OOMNodeStatus) -> None:
        for key, report in reports_of(name, status).items():
            others = [each for each in self.reports.get(key, []) if each.node != name]
            self.reports[key] = [*others, report]
        self.writer.touch_node(name, status)

    @contextmanager
    def running(self) -> Iterator[None]:
        task = asyncio.create_task(self.writer.run())
        yield
        assert not task.done(), "it writes for ever"
        task.cancel()

    async def settled(self) -> None:
        """Let the loop take some turns: its times are 0 in tests."""
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "DEBOUNCE_SECONDS", 0)
    monkeypatch.setattr(statuses, "RETRY_SECONDS", 0)


async def test_a_report_becomes_the_policys_status() -> None:
    world = World()
    world.policy(DB)
    world.node("a", node_status(DB))
    with world.running():
        await world.settled()
    ((key, status),) = world.written
    assert key == DB
    assert (status.enforced, status.nodes) == (1, 1)


async def test_many_touches_within_the_pause_are_one_write() -> None:
    world = World()
    world.policy(DB)
    for number in range(9):
        world.node(f"node-{number}", node_status(DB))
    with world.running():
        await world.settled()
    assert len(world.written) == 1
    assert world.written[0][1].enforced == 9


async def test_what_has_not_changed_is_not_written() -> None:
    world = World()
    world.policy(DB)
    with world.running():
        await world.settled()
        world.writer.touch([DB])
        await world.settled()
    assert len(world.written) == 1


async def test_a_heartbeat_alone_has_nothing_summed_up() -> None:
    world = World()
    world.node("a", node_status(DB, WEB))
    assert world.writer._due == {DB, WEB}
    world.writer._due.clear()
    world.node("a", node_status(DB, WEB, age=1))
    assert world.writer._due == set()


async def test_a_policy_that_a_node_no_longer_names_is_summed_up_too() -> None:
    world = World()
    world.node("a", node_status(DB, WEB))
    world.writer._due.clear()
    world.node("a", node_status(WEB))
    assert world.writer._due == {DB}
    world.writer._due.clear()
    world.writer.touch_node("a", None)
    assert world.writer._due == {WEB}


async def test_a_failed_write_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.failures = [httpx2.ConnectError("refused")]
    world.policy(DB)
    with world.running():
        await world.settled()
    assert len(world.written) == 1
    assert "OOMPolicy/shop/db was not written, tried again" in caplog.text


async def test_reports_of_a_policy_that_is_gone_are_left_alone() -> None:
    world = World()
    world.node("a", node_status(DB))
    with world.running():
        await world.settled()
    assert world.written == []


async def test_a_policy_that_is_deleted_while_its_status_is_written_stops_no_loop() -> None:
    world = World()
    stored = {"uid": Policy(1, PolicyStatus())}
    world.policies[DB] = stored.values()  # a live view, as kopf's stores are

    async def write(key: PolicyKey, status: PolicyStatus) -> None:
        stored.clear()
        if key != DB:
            await world.write(key, status)

    world.writer.write = write
    world.writer.touch([DB])
    with world.running():
        await world.settled()
        world.policy(WEB)
        await world.settled()
    assert [key for key, _ in world.written] == [WEB]


async def test_a_node_that_fell_silent_is_noticed_without_an_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statuses, "SWEEP_SECONDS", 0)
    world = World()
    world.policy(DB)
    world.node("a", node_status(DB, age=700))
    world.writer._due.clear()
    with world.running():
        await world.settled()
    assert "Not heard" in world.written[0][1].conditions[0].message


async def test_a_silent_node_that_was_deleted_unseen_is_forgotten_until_it_comes_back() -> None:
    world = World()
    world.policy(DB)
    world.node("a", node_status(DB, age=700))
    world.deleted_nodes = {"a"}
    await world.writer._forget_deleted_nodes()
    with world.running():
        await world.settled()
        assert world.written[-1][1].conditions[0].reason == "NoReports"
        world.node("a", node_status(DB))
        await world.settled()
    assert world.written[-1][1].conditions[0].reason == "Reported"
