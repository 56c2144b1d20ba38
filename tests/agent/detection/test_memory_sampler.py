"""Samples on a fake node, without waiting: each step is one round."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from oomwarden.agent.detection import memory_sampler
from oomwarden.agent.detection.memory_sampler import MemorySampler, timeline_before
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.runtime.worker import KernelWorker
from oomwarden.core.incidents.memory_history import SAMPLE_SECONDS, MemoryTimeline, UsageDetail
from oomwarden.core.ledger.account import Account
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.memory import read_usage_detail
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.fake_cgroups import UID, FakeCgroups
from tests.support.fake_proc import FakeProc

MIB = 1 << 20
POD = UID.format(1)


class Host:
    """A node with one pod, whose containers are sampled."""

    def __init__(self, tmp_path: Path) -> None:
        for name in ("proc", "cgroup"):
            (tmp_path / name).mkdir()
        self.cgroups, self.proc = FakeCgroups(tmp_path / "cgroup"), FakeProc(tmp_path / "proc")
        self.pod = self.cgroups.pod(1)
        self.inventory = Inventory()
        pod = Cgroup(1, self.pod, Level.POD, POD)
        node = Cgroup(2, "kubepods.slice", Level.KUBEPODS)
        self.accounts = {1: Account(pod, 2), 2: Account(node, None)}
        places = HostRoots(CgroupRoot(self.cgroups.root), ProcRoot(self.proc.root))
        self.samples = MemorySampler(self.inventory, self.accounts, places)

    def container(
        self, digit: str, usage: int, limit: int | None = 100, name: str | None = "app"
    ) -> Container:
        path = self.cgroups.container(self.pod, digit)
        directory = self.cgroups.root / path
        (directory / "memory.stat").write_text(f"anon {usage * MIB}\nfile 0\nshmem 0\n")
        inode = directory.stat().st_ino
        cgroup = Cgroup(inode, path, Level.CONTAINER, POD, digit * 64)
        container = Container(cgroup, 0.0, name, limit and limit * MIB)
        self.inventory.containers[inode] = container
        self.accounts[inode] = Account(cgroup, 1)
        self.use(container, usage)
        return container

    def use(self, container: Container, usage: int) -> None:
        directory = self.cgroups.root / container.cgroup.path
        (directory / "memory.current").write_text(f"{usage * MIB}\n")

    async def round(self) -> None:
        """Make a round of all containers."""
        self.samples._due = 0.0
        await self.samples.step()


def story(container: Container) -> MemoryTimeline | None:
    return container.memory.until(time.time()) if container.memory else None


def detail(container: Container) -> UsageDetail | None:
    told = story(container)
    return told.detail if told else None


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    host = Host(tmp_path)
    yield host
    host.samples.worker.close()


async def test_a_container_far_from_its_limit_is_sampled_and_not_looked_at(host: Host) -> None:
    app = host.container("a", 10)
    await host.round()
    told = story(app)
    assert told is not None
    assert (told.last.usage, told.detail) == (10 * MIB, None)


async def test_a_container_near_its_limit_tells_its_processes(host: Host) -> None:
    app = host.container("a", 90)
    (host.cgroups.root / app.cgroup.path / "cgroup.procs").write_text("7\n")
    host.proc.process(7, score=992)
    (host.proc.root / "7/statm").write_text("99 20 0 0 0 0 0\n")
    (host.proc.root / "7/comm").write_text("hog\n")
    await host.round()
    seen = detail(app)
    assert seen is not None
    assert [(each.command, each.oom_score_adj) for each in seen.processes] == [(b"hog", 992)]


async def test_a_pause_container_is_not_sampled(host: Host) -> None:
    pause = host.container("a", 90, name=None)
    await host.round()
    assert pause.memory is None
    assert host.samples._files._open == {}


async def test_containers_that_fill_their_pod_together_are_looked_at(host: Host) -> None:
    host.accounts[1].limit = 100 * MIB
    both = [host.container(digit, 45, limit=None) for digit in "ab"]
    await host.round()
    assert all(detail(each) is not None for each in both)


async def test_a_container_without_a_limit_runs_against_that_of_all_pods(host: Host) -> None:
    host.accounts[2].limit = 100 * MIB
    large, small = host.container("a", 90, limit=None), host.container("b", 5, limit=None)
    await host.round()
    assert (detail(large) is not None, detail(small)) == (True, None)


async def test_between_the_rounds_of_all_only_those_that_climb_are_read(host: Host) -> None:
    app, calm = host.container("a", 80), host.container("b", 10)
    await host.round()
    host.use(app, 90)
    await host.round()
    host.use(app, 95)
    host.use(calm, 11)
    await host.samples.step()
    told, other = story(app), story(calm)
    assert told is not None
    assert other is not None
    assert (told.last.usage, other.last.usage) == (95 * MIB, 10 * MIB)


async def test_without_one_that_climbs_there_is_nothing_to_read_in_between(host: Host) -> None:
    app = host.container("a", 80)
    await host.round()
    host.use(app, 81)
    await host.samples.step()
    told = story(app)
    assert told is not None
    assert told.last.usage == 80 * MIB


async def test_a_container_that_is_gone_keeps_its_story_and_no_file(host: Host) -> None:
    app = host.container("a", 90)
    await host.round()
    del host.inventory.containers[app.cgroup.inode]
    host.cgroups.remove(app.cgroup.path)
    await host.round()
    assert host.samples._files._open == {}
    by_log = Cgroup(0, app.cgroup.path, Level.CONTAINER, POD, "a" * 64)
    assert timeline_before([app], by_log, time.time()) == timeline_before(
        [app], app.cgroup, time.time()
    )
    assert timeline_before([app], app.cgroup, time.time()) is not None


async def test_another_containers_story_is_not_told(host: Host) -> None:
    app = host.container("a", 90)
    await host.round()
    other = Cgroup(0, app.cgroup.path, Level.CONTAINER, POD, "b" * 64)
    assert timeline_before([app], other, time.time()) is None
    assert timeline_before([app], Cgroup(0, "x", Level.CONTAINER), time.time()) is None
    assert timeline_before([app], None, time.time()) is None


async def test_a_closer_look_that_fails_is_counted_and_the_next_is_taken(host: Host) -> None:
    bad, good = host.container("a", 95), host.container("b", 90)
    (host.cgroups.root / bad.cgroup.path / "memory.stat").unlink()
    (host.cgroups.root / bad.cgroup.path / "memory.stat").mkdir()
    await host.round()
    assert (detail(bad), host.samples.unreadable) == (None, 1)
    assert detail(good) is not None


async def test_a_read_that_is_stuck_stops_neither_the_others_nor_the_loop(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    stuck, fine = host.container("a", 95), host.container("b", 90)

    def blocked(root: CgroupRoot, proc: ProcRoot, cgroup: Cgroup) -> UsageDetail:
        if cgroup == stuck.cgroup:
            free.wait()
        return read_usage_detail(root, proc, cgroup)

    monkeypatch.setattr(memory_sampler, "read_usage_detail", blocked)
    host.samples.worker.close()
    host.samples.worker = KernelWorker("samples", patience=0.2)
    await host.round()
    assert (detail(stuck), host.samples.unreadable) == (None, 1)
    assert detail(fine) is not None
    host.use(fine, 91)
    await host.round()
    told = story(fine)
    assert told is not None
    assert told.last.usage == 91 * MIB
    free.set()
    async with asyncio.timeout(10):
        while host.samples.worker.stuck_since is not None:  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0)


async def test_rounds_lie_on_a_grid_that_gets_finer_while_one_climbs(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await host.samples._pause()
    host.samples._climbing = frozenset({1})
    await host.samples._pause()
    assert 0 < slept[0] <= SAMPLE_SECONDS
    assert 0 < slept[1] <= memory_sampler.CLIMB_SECONDS
