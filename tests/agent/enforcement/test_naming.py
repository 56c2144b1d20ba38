"""Names and baselines from a fake /proc, without waiting: each look is one call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.enforcement import naming
from oomwarden.agent.enforcement.naming import ContainerNamer
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.store.database import Database
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.enforcement.plan import Baseline
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.fake_cgroups import UID, FakeCgroups
from tests.support.fake_proc import FakeProc, termination_log
from tests.support.inventories import replace_containers
from tests.support.stores import store_at

POD = UID.format(1)
NAMED = termination_log(POD, "app")


class Host:
    """A node on which one container starts."""

    def __init__(self, tmp_path: Path, store: Database) -> None:
        for name in ("proc", "cgroup"):
            (tmp_path / name).mkdir()
        self.cgroups, self.proc = FakeCgroups(tmp_path / "cgroup"), FakeProc(tmp_path / "proc")
        self.pod_path = self.cgroups.pod(1)
        places = HostRoots(CgroupRoot(self.cgroups.root), ProcRoot(self.proc.root))
        self.inventory, self.baselines = Inventory(), Baselines(store, "boot")
        self.found: list[str] = []
        self.naming = ContainerNamer(
            self.inventory,
            self.baselines,
            places,
            lambda: self.found.append("found"),
            lambda: self.found.append("others"),
        )

    def container(self, digit: str, pid: int, *, limit: str = "max") -> Container:
        path = self.cgroups.container(self.pod_path, digit, limit)
        (self.cgroups.root / path / "cgroup.procs").write_text(f"{pid}\n")
        inode = (self.cgroups.root / path).stat().st_ino
        cgroup = Cgroup(inode, path, Level.CONTAINER, POD, digit * 64)
        container = Container(cgroup, asyncio.get_running_loop().time())
        self.inventory.add(container)
        return container

    def list_container(self, name: str, digit: str) -> None:
        """Say as the API server that a container runs."""
        facts = ContainerFacts(name, ContainerType.APP, digit * 64)
        self.inventory.pods[POD] = PodFacts(
            POD, POD, "shop", "db-0", {}, QOSClass.BURSTABLE, containers=(facts,)
        )
        self.inventory.version += 1

    async def look(self, *, late: float = 0.0) -> None:
        """Look at what would be due this much later."""
        self.naming._begin()
        now = asyncio.get_running_loop().time() + late
        for inode, search in list(self.naming._searches.items()):
            if search.due <= now:
                await self.naming.identify(self.inventory.containers[inode])


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    store = store_at(tmp_path / "store.sqlite")
    await store.open()
    host = Host(tmp_path, store)
    yield host
    host.naming.worker.close()
    await store.close()


async def test_the_mounts_name_a_container_and_its_score_is_the_baseline(host: Host) -> None:
    app = host.container("a", 30, limit="1048576")
    host.proc.process(30, score=899, mounts=NAMED)
    await host.look()
    assert (app.name, app.limit) == ("app", 1 << 20)
    assert host.baselines.get(app) == Baseline(899)
    assert host.found == ["others", "found"], "it appeared, and it is ready"
    assert host.naming._searches == {}


async def test_the_shims_score_is_never_the_baseline(host: Host) -> None:
    app = host.container("a", 30)
    for score in (-998, 1):
        host.proc.process(30, score=score)
        await host.look(late=60)
        assert (app.name, host.baselines.get(app)) == (None, None)
    host.proc.process(30, score=899, mounts=NAMED)
    await host.look(late=60)
    assert host.baselines.get(app) == Baseline(899)


async def test_a_score_below_the_range_right_after_the_start_is_read_again(
    host: Host,
) -> None:
    app = host.container("a", 30)
    host.proc.process(30, score=-998, mounts=NAMED)
    await host.look()
    assert (app.name, host.baselines.get(app)) == ("app", None)
    host.proc.process(30, score=-997, mounts=NAMED)
    await host.look(late=60)
    assert host.baselines.get(app) == Baseline(-997)


async def test_a_first_process_that_left_the_range_for_good_has_no_baseline(host: Host) -> None:
    app = host.container("a", 30)
    app.existed = True
    host.proc.process(30, score=-999, mounts=NAMED)
    await host.look()
    assert host.baselines.get(app) == Baseline(None)


async def test_the_api_servers_word_names_where_the_mounts_do_not(host: Host) -> None:
    app = host.container("a", 30)
    host.proc.process(30, score=899)
    host.list_container("app", "a")
    await host.look()
    assert app.name == "app"
    assert host.baselines.get(app) == Baseline(899)


async def test_a_name_that_the_store_kept_still_wants_a_baseline_from_the_mounts(
    host: Host,
) -> None:
    app = host.container("a", 30)
    app.name = "app"
    host.proc.process(30, score=1)
    await host.look()
    assert host.baselines.get(app) is None


async def test_containers_that_the_store_knows_already_are_signalled_when_they_appear(
    host: Host,
) -> None:
    app = host.container("a", 30)
    app.name = "app"
    host.baselines.learn(app, 899)
    await host.look()
    assert host.found == ["found"]
    await host.look()
    assert host.found == ["found"]
    replace_containers(host.inventory)
    await host.look()
    assert host.found == ["found", "others"], "it is gone"


async def test_reads_come_less_and_less_often(host: Host) -> None:
    app = host.container("a", 30)
    host.proc.process(30, score=-998)
    host.naming._begin()
    search = host.naming._searches[app.cgroup.inode]
    gaps = []
    for _ in range(5):
        gaps.append(search.gap)
        await host.naming.identify(app)
    assert gaps == pytest.approx([0.01, 0.02, 0.04, 0.05, 0.05])
    app.seen -= naming.BRISK_SECONDS
    await host.naming.identify(app)
    await host.naming.identify(app)
    assert search.gap == pytest.approx(0.2)


async def test_a_pause_container_is_given_up_until_the_api_server_names_it(host: Host) -> None:
    pause = host.container("a", 30)
    host.proc.process(30, score=-998)
    await host.look()
    pause.seen -= naming.GIVE_UP_SECONDS + 1
    await host.look(late=60)
    assert host.naming._searches == {}
    await host.look()
    assert host.naming._searches == {}
    host.list_container("app", "a")
    host.proc.process(30, score=899)
    await host.look()
    assert (pause.name, host.baselines.get(pause)) == ("app", Baseline(899))


async def test_the_api_servers_word_is_not_kept_waiting(host: Host) -> None:
    app = host.container("a", 30)
    host.proc.process(30, score=-998)
    await host.look()
    host.naming._searches[app.cgroup.inode].due += 5
    host.proc.process(30, score=899)
    host.list_container("app", "a")
    await host.look()
    assert host.baselines.get(app) == Baseline(899)


async def test_a_container_that_is_gone_is_not_searched(host: Host) -> None:
    app = host.container("a", 30)
    host.cgroups.remove(app.cgroup.path)
    await host.look()
    assert app.name is None
    replace_containers(host.inventory)
    await host.look()
    assert host.naming._searches == {}


async def test_processes_that_cannot_be_read_are_logged_once(
    host: Host, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(naming, "find_first_process", refuse)
    host.container("a", 30)
    await host.look()
    await host.look(late=60)
    assert [record.message for record in caplog.records if "Permission" in record.message] == [
        record.message for record in caplog.records[:1]
    ]


async def test_the_loop_wakes_when_a_container_appears(host: Host) -> None:
    host.proc.process(30, score=899, mounts=NAMED)
    loop = asyncio.create_task(host.naming.run())
    await until(lambda: host.naming.progress > 0)
    app = host.container("a", 30)
    await until(lambda: app.name is not None)
    loop.cancel()
    assert app.name == "app"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0)
