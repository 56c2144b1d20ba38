"""Memory samples on a fake node; each step is one round, without waiting."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from oomwarden.agent.detection import memory_sampler as samples
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
        self.sampler = MemorySampler(self.inventory, self.accounts, places)

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
        """Run a round of all containers."""
        self.sampler._due = 0.0
        await self.sampler.step()


def timeline_of(container: Container) -> MemoryTimeline | None:
    return container.memory.timeline_until(time.time()) if container.memory else None


def detail(container: Container) -> UsageDetail | None:
    timeline = timeline_of(container)
    return timeline.detail if timeline else None


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    host = Host(tmp_path)
    yield host
    host.sampler.worker.close()


async def test_a_container_far_from_its_limit_is_sampled_without_details(host: Host) -> None:
    app = host.container("a", 10)
    await host.round()
    timeline = timeline_of(app)
    assert timeline is not None
    assert (timeline.last.usage, timeline.detail) == (10 * MIB, None)


async def test_details_of_a_container_near_its_limit_list_its_processes(host: Host) -> None:
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
    assert host.sampler._files._open == {}


async def test_containers_that_fill_their_pod_together_have_details(host: Host) -> None:
    host.accounts[1].limit = 100 * MIB
    both = [host.container(digit, 45, limit=None) for digit in "ab"]
    await host.round()
    assert all(detail(each) is not None for each in both)


async def test_a_container_without_a_limit_is_measured_against_the_limit_of_all_pods(
    host: Host,
) -> None:
    host.accounts[2].limit = 100 * MIB
    large, small = host.container("a", 90, limit=None), host.container("b", 5, limit=None)
    await host.round()
    assert (detail(large) is not None, detail(small)) == (True, None)


async def test_between_full_rounds_only_climbing_containers_are_read(host: Host) -> None:
    app, calm = host.container("a", 80), host.container("b", 10)
    await host.round()
    host.use(app, 90)
    await host.round()
    host.use(app, 95)
    host.use(calm, 11)
    await host.sampler.step()
    first, other = timeline_of(app), timeline_of(calm)
    assert first is not None
    assert other is not None
    assert (first.last.usage, other.last.usage) == (95 * MIB, 10 * MIB)


async def test_between_full_rounds_nothing_is_read_if_no_container_climbs(host: Host) -> None:
    app = host.container("a", 80)
    await host.round()
    host.use(app, 81)
    await host.sampler.step()
    timeline = timeline_of(app)
    assert timeline is not None
    assert timeline.last.usage == 80 * MIB


async def test_a_removed_container_keeps_its_timeline_but_no_open_file(host: Host) -> None:
    app = host.container("a", 90)
    await host.round()
    del host.inventory.containers[app.cgroup.inode]
    host.cgroups.remove(app.cgroup.path)
    await host.round()
    assert host.sampler._files._open == {}
    by_log = Cgroup(0, app.cgroup.path, Level.CONTAINER, POD, "a" * 64)
    assert timeline_before([app], by_log, time.time()) == timeline_before(
        [app], app.cgroup, time.time()
    )
    assert timeline_before([app], app.cgroup, time.time()) is not None


async def test_a_timeline_has_the_hours_before_its_samples(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, now = host.container("a", 10), time.time()
    for minute in range(180):
        monkeypatch.setattr(time, "time", lambda at=now + 60 * minute: at)
        host.use(app, 10 + minute // 10)
        await host.round()
    timeline = timeline_before([app], app.cgroup, time.time())
    assert timeline is not None
    assert len(timeline.history) in {35, 36}
    assert timeline.history[-1].at < timeline.samples[0].at
    assert timeline.history[0].usage == 10 * MIB
    assert timeline.history[-1].usage in {26 * MIB, 27 * MIB}


async def test_another_containers_timeline_is_not_returned(host: Host) -> None:
    app = host.container("a", 90)
    await host.round()
    other = Cgroup(0, app.cgroup.path, Level.CONTAINER, POD, "b" * 64)
    assert timeline_before([app], other, time.time()) is None
    assert timeline_before([app], Cgroup(0, "x", Level.CONTAINER), time.time()) is None
    assert timeline_before([app], None, time.time()) is None


async def test_a_failed_read_of_details_is_counted_and_the_next_container_is_read(
    host: Host,
) -> None:
    bad, good = host.container("a", 95), host.container("b", 90)
    (host.cgroups.root / bad.cgroup.path / "memory.stat").unlink()
    (host.cgroups.root / bad.cgroup.path / "memory.stat").mkdir()
    await host.round()
    assert (detail(bad), host.sampler.unreadable) == (None, 1)
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

    monkeypatch.setattr(samples, "read_usage_detail", blocked)
    host.sampler.worker.close()
    host.sampler.worker = KernelWorker("samples", timeout=0.2)
    await host.round()
    assert (detail(stuck), host.sampler.unreadable) == (None, 1)
    assert detail(fine) is not None
    host.use(fine, 91)
    await host.round()
    timeline = timeline_of(fine)
    assert timeline is not None
    assert timeline.last.usage == 91 * MIB
    free.set()
    async with asyncio.timeout(10):
        while host.sampler.worker.stuck_since is not None:  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0)


async def test_rounds_are_aligned_and_more_frequent_while_a_container_climbs(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await host.sampler._sleep_until_next_round()
    host.sampler._climbing = frozenset({1})
    await host.sampler._sleep_until_next_round()
    assert 0 < slept[0] <= SAMPLE_SECONDS
    assert 0 < slept[1] <= samples.CLIMB_SECONDS
