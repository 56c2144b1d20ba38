"""Counters of containers, by name: across restarts of the container, and of the agent."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.metrics.container_counters import MAX_SERIES, ContainerCounters
from oomwarden.agent.recording.kill_counts import kill_counts
from oomwarden.agent.store import kill_counts as stored_counts
from oomwarden.api.oomkill import Owner
from oomwarden.core.incidents.incident import Incident, investigate
from oomwarden.core.metrics.counter_series import ZERO_SECONDS
from oomwarden.core.metrics.families.containers import (
    LEFT_OUT_CONTAINERS,
    MEMORY_EVENTS,
    NEAR_MISSES,
    OOM_KILLS,
    OOM_VICTIMS,
    PROTECTED_OOM_KILLS,
)
from oomwarden.core.metrics.family import Family
from oomwarden.core.metrics.live_names import KEEP_SECONDS, LiveNames

from tests.support.inventories import replace_containers
from tests.support.one_kill import APP, CONTEXT, FACTS, RANGE, SNAPSHOT
from tests.support.recorder_node import RecorderNode
from tests.support.stores import store_at

NAME = ("shop", "api-1", "app")
KILL = investigate(RANGE, SNAPSHOT, CONTEXT)
LIMIT = (*NAME, "", "", "ContainerLimit")
Values = dict[tuple[str, ...], float]


class Node:
    """A node with the container app of pod api-1; the clock is turned by hand."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.inventory = Inventory(pods={"uid": FACTS})
        self.start()
        self.store = store_at(path / "store.sqlite")
        self.counters = ContainerCounters(self.inventory, self.store)

    def start(self) -> None:
        self.inventory.add(Container(APP, 0.0, "app", 32 << 20))

    async def wait(self, seconds: float) -> None:
        self.now += seconds
        await self.counters.look()

    async def kill(self, incident: Incident = KILL) -> None:
        await self.store.run(lambda db: stored_counts.add(db, kill_counts(incident)))
        self.counters.kill_recorded(incident)

    def values(self, family: Family) -> Values:
        found = dict(self.counters.families())[family]
        return {each.labels: each.value for each in found}


@pytest.fixture
async def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    node = Node(tmp_path, monkeypatch)
    await node.store.open()
    await node.counters.look()
    return node


async def test_a_running_container_has_a_counter_before_its_first_kill(node: Node) -> None:
    assert node.values(OOM_KILLS) == {LIMIT: 0}
    assert node.values(OOM_VICTIMS) == {}


async def test_a_container_without_limit_is_expected_to_be_killed_by_its_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(tmp_path, monkeypatch)
    node.inventory.containers[APP.inode].limit = None
    node.inventory.pods["uid"] = replace(FACTS, owner=Owner(kind="Deployment", name="api"))
    await node.counters.look()
    expected = (*NAME, "Deployment", "api", "NodeOutOfMemory")
    assert node.values(OOM_KILLS) == {expected: 0}


async def test_a_kill_of_a_container_that_runs_for_a_while_shows_immediately(node: Node) -> None:
    await node.wait(ZERO_SECONDS)
    await node.kill()
    assert node.values(OOM_KILLS) == {LIMIT: 1}
    assert node.values(OOM_VICTIMS) == {NAME: 0}
    await node.wait(ZERO_SECONDS)
    assert node.values(OOM_VICTIMS) == {NAME: 2}


async def test_a_protected_kill_names_the_policy_that_had_lowered_the_score(node: Node) -> None:
    await node.kill()
    await node.kill(replace(KILL, context=replace(CONTEXT, is_protected=True)))
    await node.wait(ZERO_SECONDS)
    assert node.values(PROTECTED_OOM_KILLS) == {(*NAME, "OOMPolicy", "p"): 1}


async def test_a_kill_whose_container_is_unknown_counts_for_its_pod(node: Node) -> None:
    await node.kill(replace(KILL, container=None, candidates=("app", "side")))
    await node.wait(ZERO_SECONDS)
    assert node.values(OOM_KILLS)["shop", "api-1", "", "", "", "ContainerLimit"] == 1


async def test_events_and_near_misses_are_those_of_the_pods_name(node: Node) -> None:
    node.counters.events_counted({("uid", "app"): {"max": 3, "oom": 1}, ("gone", "x"): {"max": 9}})
    node.counters.near_misses_counted({("uid", ""): 4, ("gone", "x"): 9})
    await node.wait(ZERO_SECONDS)
    assert node.values(MEMORY_EVENTS) == {(*NAME, "max"): 3, (*NAME, "oom"): 1}
    assert node.values(NEAR_MISSES) == {("shop", "api-1", ""): 4}


async def test_series_outlive_their_container_by_ten_minutes(node: Node) -> None:
    await node.kill()
    replace_containers(node.inventory)
    await node.wait(KEEP_SECONDS - 1)
    assert node.values(OOM_KILLS) == {LIMIT: 1}
    await node.wait(1)
    assert node.values(OOM_KILLS) == node.values(OOM_VICTIMS) == {}
    assert await node.store.run(stored_counts.load) == {}


async def test_a_container_that_comes_back_in_time_goes_on_with_its_counts(node: Node) -> None:
    await node.kill()
    replace_containers(node.inventory)
    await node.wait(KEEP_SECONDS - 1)
    node.start()
    await node.wait(1)
    replace_containers(node.inventory)
    await node.wait(KEEP_SECONDS - 1)
    assert node.values(OOM_KILLS) == {LIMIT: 1}


async def test_a_restarted_agent_goes_on_with_the_same_numbers(node: Node) -> None:
    await node.kill()
    await node.kill()
    again = ContainerCounters(node.inventory, node.store)
    await again.load()
    await again.look()
    node.counters = again
    assert node.values(OOM_KILLS) == {LIMIT: 2}
    assert node.values(OOM_VICTIMS) == {NAME: 4}
    await node.kill()
    assert node.values(OOM_KILLS) == {LIMIT: 3}


async def test_pods_that_were_deleted_while_no_agent_ran_end_ten_minutes_later(node: Node) -> None:
    await node.kill()
    replace_containers(node.inventory)
    again = ContainerCounters(node.inventory, node.store)
    await again.load()
    node.counters = again
    await node.wait(KEEP_SECONDS - 1)
    assert node.values(OOM_KILLS) == {LIMIT: 1}
    await node.wait(1)
    assert await node.store.run(stored_counts.load) == {}


async def test_a_node_with_more_containers_than_the_bound_says_how_many_are_left_out(
    node: Node,
) -> None:
    node.counters.names = LiveNames(max_names=2)
    for number in range(5):
        node.inventory.add(Container(replace(APP, inode=100 + number), 0.0, f"c{number}", None))
    await node.counters.look()
    assert node.values(LEFT_OUT_CONTAINERS) == {(): 4}
    await node.kill(replace(KILL, container=replace(FACTS.containers[0], name="other")))
    assert len(node.values(OOM_KILLS)) <= 3


@contextmanager
def _rows(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


async def test_thousands_of_pods_a_day_leave_no_more_than_the_last_ten_minutes(
    node: Node, tmp_path: Path
) -> None:
    """Each pod lives for a minute; the node has no other."""
    replace_containers(node.inventory)
    for number in range(1000):
        facts = replace(FACTS, uid=f"u{number}", cgroup_uid=f"u{number}", name=f"job-{number}")
        node.inventory.pods = {facts.cgroup_uid: facts}
        cgroup = replace(APP, inode=100 + number, pod_uid=facts.cgroup_uid)
        replace_containers(node.inventory, Container(cgroup, 0.0, "app", 32 << 20))
        await node.kill(replace(KILL, pod=facts))
        await node.wait(60)
    assert len(node.values(OOM_KILLS)) < 14
    assert sum(len(series._series) for series in node.counters._series.values()) < 14 * 3
    with _rows(tmp_path / "store.sqlite") as db:
        assert db.execute("SELECT count(*) FROM kill_counts").fetchone()[0] < 14 * 3
    assert MAX_SERIES > 14 * 3


async def test_what_the_recorder_has_stored_is_counted_once(books: RecorderNode) -> None:
    pod = books.cgroups.pod(1, "33554432")
    app = books.cgroups.container(pod, "a", "33554432")
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        books.cgroups.group_kill(app, 2, hit=pod)
        await rows(1)
        (before,) = dict(books.counters.families())[OOM_KILLS]
    async with books.agent():
        (after,) = dict(books.counters.families())[OOM_KILLS]
    assert before.labels == after.labels == (*after.labels[:-1], "ContainerLimit")
    assert after.value == 1
