"""Statuses are written when they change, once a second at most, and again after a failure."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.policies import statuses
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import OOMPolicyCache, PolicyState
from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.controller.policies.statuses import PolicyStatusWriter, StatusSources
from oomwarden.core.limits.node_report import PolicyKey, reported_node
from oomwarden.core.objects.passed_over import UnreadableObjects

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
DB = PolicyKey("OOMPolicy", "shop", "db")
WEB = PolicyKey("ClusterOOMPolicy", None, "web")


def node_status(*keys: PolicyKey, enforced: int = 1, age: float = 60) -> dict[str, Any]:
    heartbeat = (NOW - timedelta(seconds=age)).isoformat()
    agent = {"version": "1", "storeID": "s", "started": heartbeat, "heartbeat": heartbeat}
    kernel = {"release": "6.1", "bootID": "b", "cgroupDriver": "systemd"}
    counts = {"observedGeneration": 1, "matched": 1, "enforced": enforced}
    policies = [key._asdict() | counts for key in keys]
    return {"agent": agent, "kernel": kernel, "policies": policies}


class World:
    """A writer with what the watches and kopf's index hold, and an API server that takes notes."""

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
        self.reports.apply({"metadata": {"name": name}, "status": status})

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
        world.queue.add([DB])
        await world.settled()
    assert len(world.written) == 1


async def test_a_heartbeat_alone_has_nothing_summed_up() -> None:
    world = World()
    world.node("a", node_status(DB, WEB))
    assert world.queue.drain() == {DB, WEB}
    world.queue.drain()
    world.node("a", node_status(DB, WEB, age=1))
    assert world.queue.drain() == set()


async def test_a_policy_that_a_node_no_longer_names_is_summed_up_too() -> None:
    world = World()
    world.node("a", node_status(DB, WEB))
    world.queue.drain()
    world.node("a", node_status(WEB))
    assert world.queue.drain() == {DB}
    world.queue.drain()
    world.reports.delete({"metadata": {"name": "a"}})
    assert world.queue.drain() == {WEB}


async def test_a_failed_write_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.failures = [httpx2.ConnectError("refused")]
    world.policy(DB)
    with world.running():
        await world.settled()
    assert len(world.written) == 1
    assert "OOMPolicy/shop/db was not written, retrying" in caplog.text


async def test_a_status_that_is_never_taken_keeps_no_other_one_waiting_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(statuses, "RETRY_SECONDS", 3600)
    world = World()
    world.failures = [httpx2.ConnectError("refused") for _ in range(3)]
    world.policy(DB)
    with world.running():
        for _ in range(3):
            await world.settled()
            world.queue.add([DB])
        world.policy(WEB)
        await world.settled()
    assert [key for key, _ in world.written] == [WEB, DB]
    assert caplog.text.count("OOMPolicy/shop/db was not written") == 1


async def test_reports_of_a_policy_that_is_gone_are_left_alone() -> None:
    world = World()
    world.node("a", node_status(DB))
    with world.running():
        await world.settled()
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
        await world.settled()
        world.policy(other)
        await world.settled()
    assert [key for key, _ in world.written] == [other]


async def test_a_node_that_fell_silent_is_noticed_without_an_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statuses, "RESYNC_SECONDS", 0)
    world = World()
    world.policy(DB)
    world.node("a", node_status(DB, age=700))
    world.queue.drain()
    with world.running():
        await world.settled()
    assert "Not heard" in world.written[0][1].conditions[0].message


async def test_a_node_that_was_deleted_unseen_is_forgotten_with_the_next_list() -> None:
    world = World()
    world.policy(DB)
    world.node("a", node_status(DB))
    with world.running():
        await world.settled()
        world.reports.replace([])
        await world.settled()
        assert world.written[-1][1].conditions[0].reason == "NoReports"
        world.node("a", node_status(DB))
        await world.settled()
    assert world.written[-1][1].conditions[0].reason == "Reported"


async def test_nothing_is_written_before_all_nodes_were_heard() -> None:
    world = World()
    world.reports.synced = False
    world.policy(DB)
    world.node("a", node_status(DB))
    with world.running():
        await world.settled()
        assert world.written == []
        both = [{"metadata": {"name": name}, "status": node_status(DB)} for name in "ab"]
        world.reports.replace([reported_node(each) for each in both])
        await world.settled()
    assert [status.enforced for _, status in world.written] == [2]
