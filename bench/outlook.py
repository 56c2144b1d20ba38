"""What counting near misses and judging usage cost an agent on a node with 110 pods."""

import asyncio
import random
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from oomwarden.agent.detection.limit_hits import LimitHitMonitor
from oomwarden.agent.detection.memory_events import MemoryEventMonitor
from oomwarden.agent.detection.usage_patterns import JUDGE_SECONDS, UsagePatternMonitor
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.core.incidents.memory_history import UsageHistory, UsageSample
from oomwarden.core.incidents.near_misses import ROUND_SECONDS
from oomwarden.core.incidents.usage_trend import KEEP_SECONDS, TREND_SECONDS, UsageTrend
from oomwarden.core.ledger.account import Account
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from bench.figures import table
from tests.support.fake_cgroups import SLICE, FakeCgroups

PODS, ROUNDS, MIB = 110, 200, 1 << 20
NOW = time.time()
UID = "0a1b2c3d-1111-2222-3333-{:012}"
GROWING = 10
"""One of so many containers grows all day."""


class Host:
    """A node on plain files: each pod has a pause container, and one or two others."""

    def __init__(self, root: Path) -> None:
        self.cgroups = FakeCgroups(root)
        self.inventory, self.accounts = Inventory(), dict[int, Account]()
        top = self._account("kubepods.slice", Level.KUBEPODS, None)
        for number in range(PODS):
            uid = UID.format(number)
            path = f"{SLICE}/kubepods-burstable-pod{uid.replace('-', '_')}.slice"
            pod = self._account(self.cgroups.make(path), Level.POD, top, uid)
            for index in range(2 + (number % 3 == 0)):
                self._container(path, pod, uid, f"{number:060}{index:04}", index)
        roots = HostRoots(CgroupRoot(root), ProcRoot(root))
        events = MemoryEventMonitor(self.inventory, self.accounts, lambda _: None)
        self.hits = LimitHitMonitor(self.inventory, self.accounts, roots, lambda _: None, events)
        self.named = [each for each in self.inventory.containers.values() if each.name]

    def _account(self, path: str, level: Level, above: int | None, uid: str | None = None) -> int:
        inode = (self.cgroups.root / path).stat().st_ino
        self.accounts[inode] = Account(Cgroup(inode, path, level, uid), above)
        return inode

    def _container(self, pod_path: str, pod: int, uid: str, container_id: str, index: int) -> None:
        path = self.cgroups.make(f"{pod_path}/cri-containerd-{container_id}.scope")
        inode = self._account(path, Level.CONTAINER, pod, uid)
        name = f"app{index}" if index else None
        made = Container(self.accounts[inode].cgroup, 0.0, name, 1024 * MIB, memory=UsageHistory())
        self.inventory.containers[inode] = made

    def hit(self, containers: int) -> None:
        """Have the limits of some containers hit."""
        for each in self.named[:containers]:
            self.cgroups.hit_limit(each.cgroup.path)

    def fill_trends(self) -> None:
        """Give each container a day of readings."""
        for number, each in enumerate(self.named):
            each.trend = UsageTrend(each.cgroup.inode)
            for turn in range(int(KEEP_SECONDS / TREND_SECONDS)):
                size = 200 + random.random() * 4 + (turn if number % GROWING == 0 else 0)  # noqa: S311
                at = NOW - KEEP_SECONDS + turn * TREND_SECONDS
                each.trend.add(UsageSample(at, int(size * MIB)))


def main() -> None:
    """Print CPU time of a round, and memory of a container."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Host(Path(folder))))


async def _measure(host: Host) -> None:
    await host.hits.step()
    calm = await _hits(host, lambda: None)
    one, many = await _hits(host, lambda: host.hit(1)), await _hits(host, lambda: host.hit(20))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    host.fill_trends()
    trend = (tracemalloc.get_traced_memory()[0] - before) / len(host.named)
    tracemalloc.stop()
    judged = _judge(host)
    host.hits.worker.close()
    table(
        f"Before a kill: {PODS} pods, {len(host.named)} containers, a round every "
        f"{ROUND_SECONDS:.0f} s",
        [
            ("near misses, no limit was hit, microseconds of CPU", f"{calm:.0f}"),
            ("near misses, one container hit its limit", f"{one:.0f}"),
            ("near misses, 20 containers hit their limits", f"{many:.0f}"),
            (f"patterns, one container of {GROWING} grows", f"{judged:.0f}"),
            ("a day of readings, bytes a container", f"{trend:.0f}"),
        ],
    )


async def _hits(host: Host, prepare: Callable[[], None]) -> float:
    total = 0.0
    for _ in range(ROUNDS):
        prepare()
        before = time.process_time()
        await host.hits.step()
        total += time.process_time() - before
    return total / ROUNDS * 1e6


def _judge(host: Host) -> float:
    patterns, turns = UsagePatternMonitor(host.inventory), int(JUDGE_SECONDS / ROUND_SECONDS)
    before = time.process_time()
    for _ in range(turns):
        patterns.step()
    return (time.process_time() - before) / turns * 1e6
