"""A fake node with one pod whose limits are hit; the clock is turned by hand."""

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from oomwarden.agent.detection.limit_hits import LimitHitMonitor
from oomwarden.agent.detection.memory_events import MemoryEventMonitor
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.core.incidents.memory_events import EventCounts
from oomwarden.core.incidents.near_misses import LimitHolder
from oomwarden.core.ledger.account import Account
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.fake_cgroups import UID, FakeCgroups

MIB = 1 << 20
POD = UID.format(1)


class LimitHitNode:
    """A node with one pod."""

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
