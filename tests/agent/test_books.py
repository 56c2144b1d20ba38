"""Detector and bookkeeper together on a fake cgroup tree: real inotify, real SQLite."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from fake_cgroups import UID, FakeCgroups
from oomwarden.agent import outbox
from oomwarden.agent.bookkeep import Bookkeeper
from oomwarden.agent.detect import Batch, Detector, into_queue
from oomwarden.agent.inventory import Inventory
from oomwarden.agent.log_reader import LogReader
from oomwarden.agent.outbox import OutboxRow
from oomwarden.agent.settle import Place, Settler
from oomwarden.agent.store import Store
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.facts import ContainerFacts, PodFacts
from oomwarden.core.ledger import Ledger
from oomwarden.kernel.cgroup import CgroupRoot
from oomwarden.kernel.counter_tree import find_kubepods


class Nesting:
    nested = False


class Node:
    """One agent's detection on a fake node; `restart` begins a second one on the same store."""

    def __init__(self, tmp_path: Path, cgroups: FakeCgroups) -> None:
        self.cgroups = cgroups
        self.path = tmp_path / "store.sqlite"
        self.pods: dict[str, PodFacts] = {}
        self.log = b""

    def know(self, number: int, **containers: str) -> None:
        uid = UID.format(number)
        known = tuple(
            ContainerFacts(name, ContainerType.APP, digit * 64)
            for name, digit in containers.items()
        )
        self.pods[uid] = PodFacts(
            uid, uid, "shop", f"pod-{number}", {}, QOSClass.BURSTABLE, containers=known
        )

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[Callable[[int], Awaitable[list[OutboxRow]]]]:
        store = Store(self.path)
        await store.open()
        inventory = Inventory(synced=True, pods=self.pods)
        settler = Settler(
            Place("node-1", "boot", Nesting()),
            Ledger(), inventory, LogReader(lambda: self.log), lambda _: None,
        )  # fmt: skip
        told = asyncio.Event()
        books = Bookkeeper(settler, store, told.set)
        queue: asyncio.Queue[Batch] = asyncio.Queue()
        root = CgroupRoot(self.cgroups.root)
        kubepods = find_kubepods(root)
        assert kubepods is not None
        loop = asyncio.get_running_loop()
        detector = Detector(root, kubepods, into_queue(loop, queue))
        detector.start(lambda: None)
        task = asyncio.create_task(books.run(queue))

        async def rows(count: int) -> list[OutboxRow]:
            while True:
                keys = await store.run(outbox.pending)
                if len(keys) >= count:
                    return await store.run(partial(outbox.load_rows, keys=keys))
                told.clear()
                await asyncio.wait_for(told.wait(), 10)

        try:
            while books.progress == 0:
                assert not task.done(), task.exception()
                await asyncio.sleep(0.01)
            yield rows
        finally:
            detector.stop()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await store.close()
        assert detector.error is None


@pytest.fixture
def node(tmp_path: Path) -> Node:
    root = tmp_path / "cgroup"
    root.mkdir()
    return Node(tmp_path, FakeCgroups(root))


async def test_a_group_kill_is_one_record_of_its_container(node: Node) -> None:
    pod = node.cgroups.pod(1, "33554432")
    app = node.cgroups.container(pod, "a", "33554432")
    node.know(1, app="a")
    async with node.agent() as rows:
        node.cgroups.group_kill(app, 2, hit=pod)
        (row,) = await rows(1)
    assert row.kill["container"] == {"name": "app", "type": "App", "id": "a" * 64}
    assert (row.kill["cause"], row.kill["enforcedAt"], row.kill["limit"]) == (
        "ContainerLimit", "Pod", "32Mi",
    )  # fmt: skip
    assert (row.kill["kills"], row.kill["groupKill"]) == (1, True)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (0, 3)


async def test_a_container_that_appears_later_and_vanishes_at_once_is_still_told(
    node: Node,
) -> None:
    pod = node.cgroups.pod(1)
    node.cgroups.container(pod, "f")
    node.know(1, app="a", side="b")
    async with node.agent() as rows:
        app = node.cgroups.container(pod, "a")
        node.cgroups.group_kill(app, hit=app)
        node.cgroups.remove(app)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"
    assert row.kill["kills"] == 1


async def test_a_restart_repeats_nothing_and_finds_what_it_missed(node: Node) -> None:
    pod = node.cgroups.pod(1)
    app = node.cgroups.container(pod, "a")
    node.know(1, app="a")
    async with node.agent() as rows:
        node.cgroups.group_kill(app)
        await rows(1)
    node.cgroups.group_kill(app)
    node.cgroups.remove(app)
    async with node.agent() as rows:
        first, second = await rows(2)
    assert [row.kill["evidence"]["from"] for row in (first, second)] == [0, 2]
    assert second.kill["container"]["name"] == "app"
    assert "after" not in second.kill["time"]


def logged(path: str, pid: int, stamp: str) -> bytes:
    victim = (
        f"<3>[ {stamp}] Memory cgroup out of memory: Killed process {pid} (hog) total-vm:1kB, "
        "anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:992\n"
    )
    group = f"<6>[ {stamp}] Tasks in /{path} are going to be killed due to memory.oom.group set\n"
    return (victim + group + victim).encode()


async def test_pods_that_came_and_went_while_no_agent_ran_are_told_by_the_log(node: Node) -> None:
    async with node.agent():
        pass
    for number in (1, 2):
        pod = node.cgroups.pod(number)
        app = node.cgroups.container(pod, "a")
        node.know(number, app="a", side="b")
        node.cgroups.group_kill(app)
        node.cgroups.remove(pod)
        node.log += logged(app, 100 + number, f"5{number}.000000")
    async with node.agent() as rows:
        found = await rows(2)
    told = {row.kill["pod"]["name"]: row.kill for row in found}
    assert sorted(told) == ["pod-1", "pod-2"]
    assert {kill["container"]["name"] for kill in told.values()} == {"app"}
    assert {kill["evidence"]["level"] for kill in told.values()} == {"QoS"}
    assert [told[name]["victims"][0]["pid"] for name in sorted(told)] == [101, 102]


async def test_lines_that_were_told_before_a_restart_are_not_told_again(node: Node) -> None:
    pod = node.cgroups.pod(1)
    app = node.cgroups.container(pod, "a")
    node.know(1, app="a")
    async with node.agent() as rows:
        node.log += logged(app, 101, "51.000000")
        node.cgroups.group_kill(app)
        await rows(1)
    node.log += logged(app, 102, "52.000000")
    node.cgroups.group_kill(app)
    async with node.agent() as rows:
        first, second = await rows(2)
    assert [victim["pid"] for victim in first.kill["victims"]] == [101]
    assert [victim["pid"] for victim in second.kill["victims"]] == [102]


async def test_kills_before_the_first_start_are_counted_not_told(node: Node) -> None:
    app = node.cgroups.container(node.cgroups.pod(1), "a")
    node.know(1, app="a")
    node.cgroups.group_kill(app)
    async with node.agent() as rows:
        node.cgroups.group_kill(app)
        (row,) = await rows(1)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (2, 4)


async def test_a_pod_the_api_server_has_not_told_yet_waits(node: Node) -> None:
    app = node.cgroups.container(node.cgroups.pod(1), "a")
    async with node.agent() as rows:
        node.cgroups.group_kill(app)
        asyncio.get_running_loop().call_later(0.3, lambda: node.know(1, app="a"))
        (row,) = await rows(1)
    assert row.kill["pod"]["name"] == "pod-1"


async def test_files_that_are_garbage_missing_or_newer_end_no_loop(node: Node) -> None:
    garbled = node.cgroups.container(node.cgroups.pod(1), "b")
    (node.cgroups.root / garbled / "memory.events").write_text("\0\xff oom_kill")
    (node.cgroups.root / garbled / "memory.max").write_text("lots")
    missing = node.cgroups.container(node.cgroups.pod(2), "c")
    (node.cgroups.root / missing / "memory.events").unlink()
    app = node.cgroups.container(node.cgroups.pod(3), "a")
    newer = node.cgroups.root / app / "memory.events"
    newer.write_text(newer.read_text() + "sock_throttled 7\nsomething new\n")
    node.know(3, app="a")
    async with node.agent() as rows:
        node.cgroups.group_kill(app)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"


async def test_two_pods_in_one_burst_are_two_records(node: Node) -> None:
    apps = [node.cgroups.container(node.cgroups.pod(n), "a") for n in (1, 2)]
    for number in (1, 2):
        node.know(number, app="a")
    async with node.agent() as rows:
        for app in apps:
            node.cgroups.group_kill(app)
        found = await rows(2)
    assert sorted(row.kill["pod"]["name"] for row in found) == ["pod-1", "pod-2"]
