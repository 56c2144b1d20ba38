"""A status is written when it changes, at most once a second, and retried after a failure."""

import pytest
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.policies import statuses
from oomwarden.controller.policies.oompolicy_cache import PolicyState
from oomwarden.core.fleet.node_report import reported_node
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.kube.http.failures import ConnectError

from tests.support.metric_values import durations
from tests.support.policy_statuses import DB, NOW, WEB, World, manifest, no_waiting, node_status


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    no_waiting(monkeypatch)


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
