"""What /metrics of an agent holds and costs on a full node, and after a day of churn.

No cluster and no kernel: containers are made up, the clock is turned by hand. Times are those of
this machine.
"""

import asyncio
import gc
import gzip
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from unittest.mock import patch

from msgspec.structs import replace
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.metrics.container_counters import ROUND_SECONDS, ContainerCounters
from oomwarden.agent.metrics.container_gauges import container_gauges
from oomwarden.api.oomkill import ContainerType, Owner
from oomwarden.api.policy import QOSClass
from oomwarden.core.incidents.incident import investigate
from oomwarden.core.incidents.memory_history import UsageHistory, UsageSample
from oomwarden.core.metrics.exposition import Families, exposition
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.parse.memory_stat import parse_resident

from bench.figures import table
from tests.support.one_kill import CONTEXT, RANGE, SNAPSHOT
from tests.support.stores import store_at

PODS, SIDECAR_EVERY, MIB = 110, 2, 1 << 20
DAY = 86_400.0
REPLACED_EVERY = 30.0
"""One pod is replaced in this time: 2,880 a day."""
KILLED_EVERY = 60.0
HIT_EVERY = 3
"""One of so many containers hits its limit all the time."""
SCRAPES = 30
_PAGE = 4096


class Node:
    """A full node; pods are numbered."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.inventory = Inventory()
        self.store = store_at(folder / "store.sqlite")
        self.counters = ContainerCounters(self.inventory, self.store)
        self.last = 0
        for _ in range(PODS):
            self.start_pod()

    def start_pod(self) -> None:
        self.last += 1
        uid, number = f"0a1b2c3d-1111-2222-3333-{self.last:012}", self.last
        names = ("app", "sidecar")[: 1 + (number % SIDECAR_EVERY == 0)]
        facts = PodFacts(
            uid, uid, f"team-{number % 9}", f"checkout-service-7d9f8c6b5-{number:05}", {},
            QOSClass.BURSTABLE, owner=Owner(kind="Deployment", name="checkout-service"),
            containers=tuple(ContainerFacts(name, ContainerType.APP) for name in names),
        )  # fmt: skip
        self.inventory.pods[uid] = facts
        for index, name in enumerate(names):
            cgroup = Cgroup(number * 2 + index, f"/{uid}/{name}", Level.CONTAINER, uid)
            memory = UsageHistory()
            memory.add(UsageSample(time.time(), 150 * MIB + number))
            self.inventory.containers[cgroup.inode] = Container(
                cgroup, 0.0, name, 256 * MIB, memory=memory
            )

    def remove_pod(self) -> None:
        uid, _ = next(iter(self.inventory.pods.items()))
        del self.inventory.pods[uid]
        live = self.inventory.containers.items()
        gone = [inode for inode, each in live if each.cgroup.pod_uid == uid]
        for inode in gone:
            del self.inventory.containers[inode]

    def kill(self) -> None:
        _, facts = next(reversed(self.inventory.pods.items()))
        killed = replace(investigate(RANGE, SNAPSHOT, CONTEXT), pod=facts)
        self.counters.kill_recorded(replace(killed, container=facts.containers[0]))

    def hit_limits(self) -> None:
        rose = {"max": 40, "oom": 1, "oom_kill": 1, "oom_group_kill": 1}
        for uid in list(self.inventory.pods)[::HIT_EVERY]:
            self.counters.events_counted({(uid, "app"): rose})
            self.counters.near_misses_counted({(uid, "app"): 40})

    def families(self) -> Families:
        known = self.counters.names.__contains__
        return (*self.counters.families(), *container_gauges(self.inventory, known))

    async def live(self, seconds: float) -> None:
        """Let time pass: pods come and go, are killed, and hit their limits."""
        until, kills, pods = self.now + seconds, self.now, self.now
        while self.now < until:
            self.now += ROUND_SECONDS
            while pods + REPLACED_EVERY <= self.now:
                pods += REPLACED_EVERY
                self.remove_pod()
                self.start_pod()
            while kills + KILLED_EVERY <= self.now:
                kills += KILLED_EVERY
                self.kill()
            self.hit_limits()
            await self.counters.look()


def main() -> None:
    """Print the number of series, the page's size, and what a scrape costs."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> None:
    node = Node(folder)
    await node.store.open()
    with patch("time.monotonic", lambda: node.now):
        before = _resident()
        await node.counters.look()
        _print(f"A full node: {PODS} pods, {len(node.inventory.containers)} containers", node)
        await node.live(3600)
        early = _resident()
        await node.live(DAY - 3600)
        _print(f"After a day: {node.last - PODS} pods replaced, a kill a minute", node)
        grown = _resident()
    memory = [
        ("all metrics of containers, after an hour", f"{(early - before) / MIB:.2f} MiB"),
        ("the same after a day", f"{(grown - before) / MIB:.2f} MiB"),
    ]
    table("Resident memory", memory)
    await node.store.close()


def _print(title: str, node: Node) -> None:
    families = node.families()
    page = exposition(families)
    series = Counter({family.name: len(samples) for family, samples in families})
    rows = [
        ("series of containers", f"{series.total()}"),
        *((f"  {name}", f"{count}") for name, count in series.most_common()),
        ("size of the page", f"{len(page) / 1024:.0f} KiB"),
        ("the same compressed", f"{len(gzip.compress(page, 1)) / 1024:.0f} KiB"),
        ("read in the event loop, p50", f"{_milliseconds(node.families):.1f} ms"),
        ("written as text, p50", f"{_milliseconds(lambda: exposition(families)):.1f} ms"),
        ("compressed, p50", f"{_milliseconds(lambda: gzip.compress(page, 1)):.1f} ms"),
    ]
    table(title, rows)


def _milliseconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(SCRAPES):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


def _resident() -> int:
    gc.collect()
    return parse_resident(Path("/proc/self/statm").read_bytes(), _PAGE)
