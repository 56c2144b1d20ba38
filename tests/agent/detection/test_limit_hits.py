"""Near misses on a fake node; each step is one round, without waiting."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from oomwarden.agent.detection import limit_hits
from oomwarden.agent.detection.limit_hits import LimitHitMonitor
from oomwarden.agent.detection.memory_events import MemoryEventMonitor
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.incidents.memory_events import EventCounts
from oomwarden.core.incidents.near_misses import LimitHolder
from oomwarden.core.ledger.account import Account
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.limit_hits import read_stalls
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.fake_cgroups import UID, FakeCgroups

MIB = 1 << 20
POD = UID.format(1)
STALLS = "some avg10=0.00 avg60=7.50 avg300=0.00 total=5\n"


class Host:
    """A node with one pod; the clock is turned by hand."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "cgroup").mkdir()
        self.cgroups = FakeCgroups(tmp_path / "cgroup")
        self.now = 1_800_000_000.0
        monkeypatch.setattr(time, "time", lambda: self.now)
        self.inventory, self.accounts = Inventory(), dict[int, Account]()
        top = self._account("kubepods.slice", Level.KUBEPODS, None)
        self.pod = self.cgroups.pod(1)
        self.pod_inode = self._account(self.pod, Level.POD, top, POD)
        self.accounts[self.pod_inode].limit = 64 * MIB
        roots = HostRoots(CgroupRoot(self.cgroups.root), ProcRoot(tmp_path))
        self.near_misses, self.events = Counter[str](), Counter[tuple[str, str]]()
        events = MemoryEventMonitor(self.inventory, self.accounts, self._note_events)
        self.monitor = LimitHitMonitor(
            self.inventory, self.accounts, roots, self._note_near_misses, events
        )

    def _note_near_misses(self, counts: Mapping[LimitHolder, int]) -> None:
        self.near_misses.update({container: count for (_, container), count in counts.items()})

    def _note_events(self, counts: EventCounts) -> None:
        for (_, container), rose in counts.items():
            self.events.update({(container, event): count for event, count in rose.items()})

    def _account(self, path: str, level: Level, above: int | None, uid: str | None = None) -> int:
        inode = (self.cgroups.root / path).stat().st_ino
        self.accounts[inode] = Account(Cgroup(inode, path, level, uid), above)
        return inode

    def container(
        self, digit: str, name: str | None = "app", *, existed: bool = False
    ) -> Container:
        path = self.cgroups.container(self.pod, digit)
        inode = self._account(path, Level.CONTAINER, self.pod_inode, POD)
        container = Container(self.accounts[inode].cgroup, 0.0, name, 32 * MIB, existed)
        self.inventory.containers[inode] = container
        return container

    def remove(self, container: Container) -> None:
        del self.inventory.containers[container.cgroup.inode]
        self.accounts[container.cgroup.inode].gone = True
        self.cgroups.remove(container.cgroup.path)

    async def rounds(self, count: int = 1) -> None:
        for _ in range(count):
            self.now += 20
            await self.monitor.step()

    @property
    def found(self) -> list[tuple[str, int, int | None]]:
        return [
            (misses.holder[1], misses.count, limited.limit)
            for misses, limited in self.monitor.recent()
        ]


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    host = Host(tmp_path, monkeypatch)
    yield host
    host.monitor.worker.close()
    host.monitor._files.close()


async def test_a_limit_that_was_hit_without_a_kill_is_a_near_miss(host: Host) -> None:
    app = host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 9)
    await host.rounds(2)
    assert host.found == [("app", 9, 32 * MIB)]


async def test_a_kill_is_not_a_near_miss(host: Host) -> None:
    app = host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 16)
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 16, failures=1)
    host.cgroups.group_kill(app.cgroup.path, hit=app.cgroup.path)
    await host.rounds(3)
    assert host.found == []


async def test_the_limit_of_a_pod_with_one_container_is_the_containers(host: Host) -> None:
    host.container("p", name=None)  # the pause container
    host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(host.pod, 3)
    await host.rounds(2)
    assert host.found == [("app", 3, 32 * MIB)]


async def test_the_limit_that_several_containers_share_is_the_pods(host: Host) -> None:
    host.container("a")
    host.container("b", "side")
    await host.rounds()
    host.cgroups.hit_limit(host.pod, 3)
    await host.rounds(2)
    assert host.found == [("", 3, 64 * MIB)]


async def test_hits_before_the_agents_start_are_not_counted_and_later_ones_are(host: Host) -> None:
    app = host.container("a", existed=True)
    host.cgroups.hit_limit(app.cgroup.path, 1000)
    await host.rounds(2)
    assert host.found == []
    host.cgroups.hit_limit(app.cgroup.path, 4)
    await host.rounds(2)
    assert host.found == [("app", 4, 32 * MIB)]


async def test_a_limit_that_is_read_late_is_that_of_the_pods_spec_until_then(host: Host) -> None:
    app = host.container("a")
    app.limit = None
    facts = ContainerFacts("app", ContainerType.APP, limit=48 * MIB)
    host.inventory.pods[POD] = PodFacts(
        POD, POD, "shop", "api-1", {}, QOSClass.BURSTABLE, containers=(facts,)
    )
    host.cgroups.hit_limit(app.cgroup.path, 5)
    await host.rounds(2)
    assert host.found == [("app", 5, 48 * MIB)]
    app.limit = 32 * MIB
    assert host.found == [("app", 5, 32 * MIB)]


async def test_a_restarted_container_keeps_its_near_misses(host: Host) -> None:
    first = host.container("a")
    host.cgroups.hit_limit(first.cgroup.path, 5)
    await host.rounds(2)
    host.remove(first)
    second = host.container("b")
    host.cgroups.hit_limit(second.cgroup.path, 2)
    await host.rounds(2)
    assert host.found == [("app", 7, 32 * MIB)]


async def test_stalls_are_read_once_a_minute_while_the_limit_is_hit(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, calls = host.container("a"), list[Cgroup]()

    def counted(root: CgroupRoot, cgroup: Cgroup) -> object:
        calls.append(cgroup)
        return read_stalls(root, cgroup)

    monkeypatch.setattr(limit_hits, "read_stalls", counted)
    (host.cgroups.root / app.cgroup.path / "memory.pressure").write_text(STALLS)
    for _ in range(6):
        host.cgroups.hit_limit(app.cgroup.path)
        await host.rounds()
    (limited,) = [limited for _, limited in host.monitor.recent()]
    assert limited.stalls is not None
    assert limited.stalls.some.avg60 == 7.5
    assert len(calls) == 2


async def test_an_hour_without_hits_leaves_nothing_behind(host: Host) -> None:
    app = host.container("a")
    host.cgroups.hit_limit(app.cgroup.path, 5)
    await host.rounds(2)
    host.now += 3700
    await host.rounds()
    assert host.found == []
    assert host.monitor._holders == {}


async def test_nothing_is_read_before_the_top_of_all_pods_is_known(host: Host) -> None:
    host.accounts.clear()
    await host.rounds()
    assert host.found == []


async def test_the_near_misses_of_each_container_are_counted_for_good(host: Host) -> None:
    app = host.container("a")
    await host.rounds()
    for _ in range(3):
        host.cgroups.hit_limit(app.cgroup.path, 4)
        await host.rounds(2)
        host.now += 3700
    await host.rounds()
    assert (host.found, host.near_misses) == ([], Counter({"app": 12}))


async def test_events_are_counted_across_the_restarts_of_a_container(host: Host) -> None:
    first = host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(first.cgroup.path, 5, failures=1)
    host.cgroups.group_kill(first.cgroup.path, hit=first.cgroup.path)
    host.remove(first)
    second = host.container("b")
    host.cgroups.hit_limit(second.cgroup.path, 2)
    await host.rounds()
    assert host.events["app", "oom_group_kill"] == 1
    assert host.events["app", "oom_kill"] == 2
    assert host.events["app", "oom"] >= 1


async def test_events_before_the_agents_start_are_not_counted(host: Host) -> None:
    app = host.container("a", existed=True)
    host.cgroups.hit_limit(app.cgroup.path, 1000)
    await host.rounds(2)
    host.cgroups.hit_limit(app.cgroup.path, 3)
    await host.rounds()
    assert host.events == Counter({("app", "max"): 3})


async def test_events_of_one_of_several_containers_are_its_own(host: Host) -> None:
    app, side = host.container("a"), host.container("b", "side")
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 3)
    host.cgroups.hit_limit(side.cgroup.path, 4)
    host.cgroups.hit_limit(host.pod, 5)
    await host.rounds()
    assert host.events == Counter({("app", "max"): 3, ("side", "max"): 4, ("", "max"): 5})


async def test_events_of_a_crash_loop_are_its_containers_also_while_it_does_not_run(
    host: Host,
) -> None:
    facts = ContainerFacts("app", ContainerType.APP)
    host.inventory.pods[POD] = PodFacts(
        POD, POD, "shop", "api-1", {}, QOSClass.BURSTABLE, containers=(facts,)
    )
    app = host.container("a")
    await host.rounds()
    host.cgroups.hit_limit(app.cgroup.path, 5)
    host.remove(app)
    await host.rounds()
    assert host.events == Counter({("app", "max"): 5})
