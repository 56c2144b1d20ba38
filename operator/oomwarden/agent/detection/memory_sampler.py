"""Samples the memory of every container, so that the record of a kill shows what led to it.

The steps, in order: wait for the next round -> read the usage of all containers, or only of those
that climb towards their limits -> read details of those that are near -> keep the samples at the
container, where the settler finds them (`timeline_before`).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.runtime.ticks import WITH_SAMPLES, next_tick, until_tick
from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.core.incidents.memory_history import (
    SAMPLE_SECONDS,
    MemoryBound,
    MemoryTimeline,
    UsageHistory,
    UsageSample,
    fullest,
)
from oomwarden.core.incidents.usage_trend import UsageTrend
from oomwarden.core.ledger.account import Account
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup.files import CgroupGoneError
from oomwarden.kernel.container.memory import UsageFiles, read_usage_detail
from oomwarden.kernel.roots import HostRoots

CLIMB_SECONDS = 2.0
"""Interval of the extra rounds for containers that climb towards their limits."""
_ALL = 0
"""The worker's key for a whole round: no cgroup has this inode."""


def timeline_before(
    known: Iterable[Container], cgroup: Cgroup | None, end: float
) -> MemoryTimeline | None:
    """Return the memory timeline of a container, live or gone.

    A cgroup that only the kernel log names has no inode: it is found by its container id.

    Args:
        known: The containers that may have samples.
        cgroup: The container's cgroup; None if it is not known.
        end: Wall-clock seconds up to which samples count.

    Returns:
        The timeline; None if the container is not known or was never sampled.
    """
    if cgroup is None:
        return None
    for container in known:
        seen = container.cgroup
        same_id = cgroup.container_id is not None and cgroup.container_id == seen.container_id
        if container.memory is not None and (seen.inode == cgroup.inode or same_id):
            return _with_history(container.memory.timeline_until(end), container.trend)
    return None


def _with_history(
    timeline: MemoryTimeline | None, trend: UsageTrend | None
) -> MemoryTimeline | None:
    """Add what the trend has of the hours before the samples."""
    if timeline is None or trend is None:
        return timeline
    earliest = timeline.samples[0] if timeline.samples else timeline.last
    return replace(timeline, history=tuple(trend.readings_until(earliest.at - SAMPLE_SECONDS)))


class _Sampled(Struct, frozen=True):
    """A container that a round has read."""

    container: Container
    memory: UsageHistory
    bounds: tuple[MemoryBound, ...]

    @property
    def is_climbing(self) -> bool:
        return self.memory.is_climbing(self.bounds)


@dataclass(slots=True)
class MemorySampler:
    """Samples the containers that have a name in the inventory; a pause container has none."""

    inventory: Inventory
    accounts: Mapping[int, Account]
    roots: HostRoots
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "samples"))
    progress: float = 0.0
    failed_details: int = 0
    _files: UsageFiles = field(init=False)
    _climbing: frozenset[int] = frozenset()
    _due: float = 0.0  # of the next round of all, in event-loop time

    def __post_init__(self) -> None:
        self._files = UsageFiles(self.roots.cgroups)

    @property
    def unreadable(self) -> int:
        """How often a file could not be read or parsed."""
        return self._files.unreadable + self.failed_details

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            await self._sleep_until_next_round()
            await self.step()
            self.progress = time.monotonic()

    async def _sleep_until_next_round(self) -> None:
        gap = CLIMB_SECONDS if self._climbing else SAMPLE_SECONDS
        await asyncio.sleep(until_tick(gap, WITH_SAMPLES))

    async def step(self) -> None:
        """Run the round that is due: of all containers, or of those that climb."""
        now = time.monotonic()
        live, full = self.inventory.containers.items(), now >= self._due
        if full:
            self._due = next_tick(SAMPLE_SECONDS, now, WITH_SAMPLES)
        chosen = [each for i, each in live if each.name and (full or i in self._climbing)]
        sampled = self._bounded(await self._sample(chosen))
        await self._read_details(sampled)
        self._climbing = frozenset(i for i, one in sampled.items() if one.is_climbing)

    async def _sample(self, chosen: list[Container]) -> dict[int, tuple[Container, UsageHistory]]:
        live = frozenset(self.inventory.containers)
        read = partial(self._files.read, [each.cgroup for each in chosen], live)
        try:
            found: dict[int, UsageSample] = await self.worker.run(_ALL, read)
        except StuckError:  # /metrics shows it
            return {}
        sampled: dict[int, tuple[Container, UsageHistory]] = {}
        for container in chosen:
            if sample := found.get(container.cgroup.inode):
                container.memory = memory = container.memory or UsageHistory()
                container.trend = container.trend or UsageTrend(container.cgroup.inode)
                memory.add(sample)
                container.trend.add(sample)
                sampled[container.cgroup.inode] = container, memory
        return sampled

    def _bounded(
        self, sampled: Mapping[int, tuple[Container, UsageHistory]]
    ) -> dict[int, _Sampled]:
        of_pod: Counter[str | None] = Counter()
        for each in self.inventory.containers.values():
            of_pod[each.cgroup.pod_uid] += each.memory.usage if each.memory else 0
        return {
            inode: _Sampled(each, memory, self._bounds(each, memory.usage, of_pod))
            for inode, (each, memory) in sampled.items()
        }

    def _bounds(
        self, container: Container, used: int, of_pod: Mapping[str | None, int]
    ) -> tuple[MemoryBound, ...]:
        """Return the limits of container and pod; if neither has one, that of a level above."""
        own = (MemoryBound(used, container.limit),) if container.limit else ()
        pod = self._parent(self.accounts.get(container.cgroup.inode))
        if pod is not None and pod.limit:
            return (*own, MemoryBound(of_pod[container.cgroup.pod_uid], pod.limit))
        above = None if own else self._parent(pod)
        while above is not None and not above.limit:
            above = self._parent(above)
        return (MemoryBound(used, above.limit),) if above is not None and above.limit else own

    def _parent(self, account: Account | None) -> Account | None:
        if account is None or account.parent is None:
            return None
        return self.accounts.get(account.parent)

    async def _read_details(self, sampled: Mapping[int, _Sampled]) -> None:
        now = time.time()
        wanting = {
            inode: one.bounds
            for inode, one in sampled.items()
            if one.memory.needs_detail(one.bounds, now)
        }
        for inode in fullest(wanting):
            await self._read_detail(sampled[inode])

    async def _read_detail(self, one: _Sampled) -> None:
        cgroup, roots = one.container.cgroup, self.roots
        work = partial(read_usage_detail, roots.cgroups, roots.proc, cgroup)
        try:
            one.memory.add_detail(await self.worker.run(cgroup.inode, work))
        except CgroupGoneError:
            return
        except (StuckError, OSError, ValueError):  # counted: /metrics shows it
            self.failed_details += 1
