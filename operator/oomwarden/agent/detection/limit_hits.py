"""Counts near misses: limits that were hit without a kill; and all other memory events.

The steps, in order: has any counter moved since the last round -> if so, read the pods and their
containers -> count what no failure follows -> read how long tasks waited for memory.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from msgspec import Struct

from oomwarden.agent.detection.memory_events import MemoryEventMonitor
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.core.incidents.near_misses import LimitHolder, NearMissCounts, RecentNearMisses
from oomwarden.core.ledger.account import Account
from oomwarden.core.model.cgroup import Cgroup, Level, LimitHits
from oomwarden.core.parse.pressure import MemoryStalls
from oomwarden.kernel.container.limit_hits import (
    EventReadings,
    LimitHitFiles,
    PodCgroups,
    read_stalls,
)
from oomwarden.kernel.roots import HostRoots

STALL_SECONDS = 60.0
"""Time between two readings of a container's stalls, which are averages of a minute."""
MAX_STALLS = 8
"""Containers whose stalls are read in one round."""
_TOP, _ALL = -1, 0
"""The worker's keys: no cgroup has these inodes."""


class LimitedCgroup(Struct):
    """Whose limit was hit.

    Attributes:
        cgroup: The container, or the pod if its own limit was hit.
        container: None if it was the pod's.
        limit: In bytes; None if it is not known.
        stalls: How long its tasks waited for memory, as of the last near misses; None if the
            kernel does not measure it.
        stalls_at: Wall-clock seconds at which they were read.
    """

    cgroup: Cgroup
    container: Container | None
    limit: int | None
    stalls: MemoryStalls | None = None
    stalls_at: float = 0.0


class _Found(NamedTuple):
    """Whose limit a cgroup enforces, and whether the cgroup is younger than the agent."""

    holder: LimitHolder
    limited: LimitedCgroup
    is_new: bool


@dataclass(slots=True)
class LimitHitMonitor:
    """Counts the near misses of pods and of containers that have a name.

    Attributes:
        inventory: The containers of this node.
        accounts: All tracked cgroups, by inode.
        roots: The cgroup file system.
        near_misses: Called with the near misses of each round.
        events: Counts the other events.
    """

    inventory: Inventory
    accounts: Mapping[int, Account]
    roots: HostRoots
    near_misses: Callable[[Mapping[LimitHolder, int]], None]
    events: MemoryEventMonitor
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "limit-hits"))
    _files: LimitHitFiles = field(init=False)
    _counts: NearMissCounts = field(default_factory=NearMissCounts)
    _holders: dict[LimitHolder, LimitedCgroup] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._files = LimitHitFiles(self.roots.cgroups)

    @property
    def unreadable(self) -> int:
        """How often a file could not be read."""
        return self._files.unreadable

    def recent(self) -> list[tuple[RecentNearMisses, LimitedCgroup]]:
        """Return the near misses of the last hour, the most first."""
        found = [(each, self._holders[each.holder]) for each in self._counts.recent()]
        for _, limited in found:
            limited.limit = self._limit(limited) or limited.limit
        return found

    def _limit(self, limited: LimitedCgroup) -> int | None:
        """Return the limit as it is known now: that of a new container is read late at times."""
        container = limited.container
        if container is None:
            pod = self.accounts.get(limited.cgroup.inode)
            return pod.limit if pod else None
        facts = self.inventory.container(container)
        return container.limit or (facts.limit if facts else None)

    async def step(self) -> None:
        """Run one round."""
        now = time.time()
        rising: Counter[LimitHolder] = Counter()
        readings = await self._read()
        for inode, counted in readings.own.items():
            if found := self._holder(inode):
                rising[found.holder] += self._observe(inode, found, counted, now)
        self._counts.settle(now, self._is_live)
        self.near_misses(self._counts.take_confirmed())
        if readings.own:
            self._counts.forget(self._is_live)
        self.events.observe(readings.events, self._is_live)
        for holder in self._holders.keys() - self._counts.holders():
            del self._holders[holder]
        await self._read_stalls([each for each, hits in rising.most_common() if hits], now)

    def _is_live(self, inode: int) -> bool:
        account = self.accounts.get(inode)
        return account is not None and not account.gone

    async def _read(self) -> EventReadings:
        """Read what has moved; nothing if the kernel does not answer: /metrics shows it."""
        top = next((each for each in self.accounts.values() if each.parent is None), None)
        nothing = EventReadings({}, {})
        if top is None:
            return nothing
        try:
            if not await self.worker.run(_TOP, partial(self._files.has_moved, top.cgroup)):
                return nothing
            return await self.worker.run(_ALL, partial(self._files.read, self._pods()))
        except StuckError:
            return nothing

    def _pods(self) -> PodCgroups:
        pods: dict[int, list[Cgroup]] = {
            inode: []
            for inode, each in self.accounts.items()
            if each.cgroup.level is Level.POD and not each.gone
        }
        for container in self.inventory.containers.values():
            account = self.accounts.get(container.cgroup.inode)
            if account is not None and account.parent in pods:
                pods[account.parent].append(container.cgroup)
        return [(self.accounts[inode].cgroup, below) for inode, below in pods.items()]

    def _observe(self, inode: int, found: _Found, counted: LimitHits, now: float) -> int:
        """Count the hits of a cgroup; return how many there are since the last round."""
        if known := self._holders.get(found.holder):
            found.limited.stalls, found.limited.stalls_at = known.stalls, known.stalls_at
        self._holders[found.holder] = found.limited
        return self._counts.observe(inode, found.holder, counted, now, is_new=found.is_new)

    def _holder(self, inode: int) -> _Found | None:
        """Return whose limit a cgroup enforces; None for a pause container.

        A pod with one container has the container's limit, which is hit at the pod first.
        """
        container = self.inventory.containers.get(inode)
        if container is None:
            return self._pod_holder(self.accounts.get(inode))
        if container.name is None:
            return None
        holder = container.cgroup.pod_uid or "", container.name
        limited = LimitedCgroup(container.cgroup, container, container.limit)
        return _Found(holder, limited, not container.existed)

    def _pod_holder(self, pod: Account | None) -> _Found | None:
        if pod is None:
            return None
        uid = pod.cgroup.pod_uid or ""
        below = [c for c in self.inventory.containers.values() if c.cgroup.pod_uid == uid]
        named, is_new = [each for each in below if each.name], not any(c.existed for c in below)
        if len(named) != 1:
            return _Found((uid, ""), LimitedCgroup(pod.cgroup, None, pod.limit), is_new)
        (only,) = named
        limited = LimitedCgroup(only.cgroup, only, only.limit or pod.limit)
        return _Found((uid, only.name or ""), limited, is_new)

    async def _read_stalls(self, holders: list[LimitHolder], now: float) -> None:
        due = [
            one
            for one in (self._holders[holder] for holder in holders)
            if not 0 <= now - one.stalls_at < STALL_SECONDS
        ]
        for one in due[:MAX_STALLS]:
            work = partial(read_stalls, self.roots.cgroups, one.cgroup)
            try:
                one.stalls = await self.worker.run(one.cgroup.inode, work)
            except StuckError:
                continue
            one.stalls_at = now
