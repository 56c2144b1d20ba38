"""Kills outside of pods, between two counters that are read one after the other."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from oomwarden.agent.recording.host_kills import HostKills
from oomwarden.core.ledger.account import Reading
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.host import Host

from tests.support.fake_cgroups import FakeCgroups
from tests.support.stores import store_at

TOP = "kubepods.slice"


class Node:
    """A node whose counters are set by hand."""

    def __init__(self, path: Path) -> None:
        (path / "cgroup").mkdir()
        (path / "proc/sys/kernel/random").mkdir(parents=True)
        (path / "proc/sys/kernel/random/boot_id").write_text("boot\n")
        self.path, self.cgroups = path, FakeCgroups(path / "cgroup")
        self.store = store_at(path / "store.sqlite")
        self.kernel = SimpleNamespace(nested=False, kubepods=None)
        self.ledger = Ledger()
        self.host_kills = self.start()

    def start(self) -> HostKills:
        """Start an agent on the same store."""
        kernel: Any = self.kernel
        root = CgroupRoot(self.cgroups.root)
        return HostKills(Host(self.path / "proc"), root, self.store, kernel, self.ledger)

    def find(self) -> None:
        inode = (self.cgroups.root / TOP).stat().st_ino
        self.kernel.kubepods = Cgroup(inode, TOP, Level.KUBEPODS)
        self.ledger.open(self.kernel.kubepods, None)

    async def after(self, total: int, pods: int) -> int:
        """Return the count while vmstat has `total` kills, and kubepods has `pods` of them."""
        (self.path / "proc/vmstat").write_text(f"pgfault 9\noom_kill {total}\n")
        self.cgroups.count(pods, 0, TOP)
        return await self.host_kills.count()


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    node = Node(tmp_path)
    await node.store.open()
    node.find()
    return node


async def test_kills_before_the_agents_first_start_are_not_counted(node: Node) -> None:
    node.store.is_new = True
    assert [await node.after(7, 2), await node.after(7, 2)] == [0, 0]
    assert [await node.after(9, 2), await node.after(9, 2)] == [0, 2]


async def test_a_kill_that_kubepods_has_not_counted_yet_is_no_kill_of_the_host(node: Node) -> None:
    node.store.is_new = True
    await node.after(1, 1)
    assert [await node.after(4, 1), await node.after(4, 4), await node.after(4, 4)] == [0, 0, 0]


async def test_kills_of_pods_that_the_ledger_has_not_read_are_none_of_the_host(node: Node) -> None:
    node.store.is_new = True
    await node.after(0, 0)
    assert [await node.after(30, 30) for _ in range(3)] == [0, 0, 0]


async def test_the_count_never_falls(node: Node) -> None:
    node.store.is_new = True
    await node.after(0, 0)
    found = [await node.after(*each) for each in ((2, 0), (2, 0), (2, 1), (2, 2), (2, 2))]
    assert found == [0, 2, 2, 2, 2]


async def test_a_restarted_agent_goes_on_at_once(node: Node) -> None:
    node.store.is_new = True
    for total in (5, 8, 8):
        await node.after(total, 0)
    node.store.is_new, node.host_kills = False, node.start()
    assert node.host_kills.last is None
    assert await node.after(8, 0) == 3


async def test_counters_that_cannot_be_read_leave_the_count_as_it_is(node: Node) -> None:
    node.store.is_new = True
    await node.after(3, 3)
    top = node.kernel.kubepods
    node.ledger.observe(Reading(top.inode, KillCounters(oom_kill=3)))
    (node.cgroups.root / TOP / "memory.events").unlink()
    assert await node.host_kills.count() == 0


async def test_before_kubepods_is_found_nothing_is_known(tmp_path: Path) -> None:
    node = Node(tmp_path)
    assert await node.host_kills.count() == 0
    assert node.host_kills.last is None
    node.kernel.nested = True
    node.find()
    assert await node.host_kills.count() == 0
    assert node.host_kills.last is None
