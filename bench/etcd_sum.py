"""The space that OOMKills take in etcd: 30,000 pods on 2,000 nodes, killed repeatedly for a day.

The time is virtual, the code is oomwarden's own: the agents' budgets, the operator's retention, its
count and what it publishes. Counted are serialized OOMKills, their Events (which exist for an hour)
and OOMNodes, and revisions that were replaced or deleted in the last ten minutes: every 5 minutes
the API server compacts etcd up to 5 minutes ago. Objects fill whole pages of etcd's file. Not
counted are free pages, which etcd keeps for new objects, and what else a cluster stores. The first
pod is killed at 0 h.
"""

import asyncio
import logging
import random
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from oomwarden.controller.retention.publishing import RENEW_SECONDS, PressurePublisher
from oomwarden.controller.retention.retention import Retention
from oomwarden.core.quota.pressure import (
    CALM,
    NO_OPERATOR,
    Pressure,
    from_config_map,
    to_config_map,
)
from oomwarden.core.quota.retention import Bounds, StoredRecord
from oomwarden.kube.oomkill_pages import PAGE_SIZE, RecordPage

from bench.etcd_sizes import Sizes, measure
from bench.etcd_store import EtcdStore
from bench.figures import table
from bench.fleet import (
    STEP_SECONDS,
    Fleet,
    Kills,
    Pod,
    crash_loop,
    fork_loop,
    pods_on,
)

NODES, PODS = 2000, 30_000
HOUR = 3600.0
EPOCH = 1_800_000_000.0
HOURS = (0.1, 1, 3, 12, 24)
PAGE_SECONDS, DELETE_SECONDS = 0.05, 0.001
STALE_SECONDS = 3 * RENEW_SECONDS
MEASURE_SECONDS = 30.0


class DayOverError(Exception):
    """Raised when the simulated day is over."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the fleet, and which OOMKills are kept."""

    nodes: int = NODES
    pods: int = PODS
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(slots=True)
class Day:
    """The simulated day: its clock, the fleet, and the API that the operator uses."""

    etcd: EtcdStore
    size: Size = field(default_factory=Size)
    pods: list[Pod] = field(default_factory=list)
    now: float = EPOCH
    attended: bool = True
    published: Pressure = CALM
    rows: list[tuple[str, str]] = field(default_factory=list)
    peak: float = 0.0
    fleet: Fleet = field(init=False)
    _due_rows: deque[float] = field(default_factory=lambda: deque(HOURS))
    _measured: float = 0.0

    def pressure(self, now: float) -> Pressure:
        """Return the pressure that agents see; without an operator an early one becomes stale."""
        if self.attended or now - EPOCH < STALE_SECONDS:
            return self.published
        return NO_OPERATOR

    async def sleep(self, seconds: float) -> None:
        """Advance the time of the whole simulation."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + STEP_SECONDS)
            self.fleet.advance(self.now)
            self._measure()
            if not self._due_rows:
                raise DayOverError

    def _measure(self) -> None:
        hours = (self.now - EPOCH) / HOUR
        due = bool(self._due_rows) and hours >= self._due_rows[0]
        if not due and self.now - self._measured < MEASURE_SECONDS:
            return
        self._measured = self.now
        records, events, old = self.etcd.mebibytes(self.now)
        self.peak = max(self.peak, records + events + old)
        if due:
            self._due_rows.popleft()
            figures = (
                f"{len(self.etcd.records):7,} OOMKills ({self.etcd.made:9,} written)",
                f"{records:6.1f} MiB, Events {events:5.1f}, OOMNodes and old revisions {old:5.1f}",
                f"sum {records + events + old:6.1f} MiB (peak {self.peak:.1f})",
            )
            self.rows.append((f"{hours:5.1f} h", "  ".join(figures)))

    async def page(self, token: str) -> RecordPage:
        """List a page of OOMKills."""
        await self.sleep(PAGE_SECONDS)
        if not token:
            held = [record for record, _ in self.etcd.records.values()]
            self._listed = sorted(held, key=lambda one: (one.namespace, one.name))
        at = int(token or 0)
        end = at + PAGE_SIZE
        token = str(end) if len(self._listed) > end else ""
        return RecordPage(self._listed[at:end], self.now, token)

    _listed: list[StoredRecord] = field(default_factory=list)

    async def count(self) -> int:
        """Count all OOMKills."""
        return len(self.etcd.records)

    async def delete(self, record: StoredRecord) -> bool:
        """Delete an OOMKill."""
        await self.sleep(DELETE_SECONDS)
        return self.etcd.delete(self.now, record.uid)

    async def read(self) -> Pressure | None:
        """Return None: nothing was published before."""
        return None

    async def write(self, pressure: Pressure, passed_over: str = "") -> None:  # noqa: ARG002 - the protocol's
        """Publish the pressure, serialized as in the ConfigMap."""
        published = from_config_map(to_config_map(pressure))
        assert published is not None  # noqa: S101 - it was just written
        self.published = published

    async def count_nodes(self) -> int:
        """Count the OOMNodes."""
        return self.size.nodes


def day(
    kills: Callable[[float], Kills],
    namespaces: int,
    *,
    operator: bool,
    sizes: Sizes,
    size: Size = Size(),
) -> Day:
    """Simulate a day; the same arguments give the same day."""
    random.seed(7)  # retention's jitter
    pressure = Pressure(nodes=size.nodes)
    world = Day(EtcdStore(sizes, size.nodes), size, attended=operator, published=pressure)
    nodes = pods_on(size.nodes, size.pods, namespaces, lambda first: kills(EPOCH + first))
    world.pods = [pod for node in nodes for pod in node.pods]
    world.fleet = Fleet(nodes, world.etcd.create, world.pressure)
    publisher = PressurePublisher(size.bounds, world, lambda: "", lambda: world.now)
    loop: Coroutine[Any, Any, None] = (
        Retention(size.bounds, world, publisher, world.sleep).run()
        if operator
        else world.sleep(1e9)
    )
    with suppress(DayOverError):
        asyncio.run(loop)
    return world


SCENARIOS = {
    "crash loops, one namespace": partial(day, crash_loop, 1, operator=True),
    "crash loops, 300 namespaces": partial(day, crash_loop, 300, operator=True),
    "crash loops, 300 namespaces, no operator": partial(day, crash_loop, 300, operator=False),
    "fork loops, one namespace": partial(day, fork_loop, 1, operator=True),
    "fork loops, 300 namespaces": partial(day, fork_loop, 300, operator=True),
    "fork loops, 300 namespaces, no operator": partial(day, fork_loop, 300, operator=False),
}


def main() -> None:
    """Print the sum for each scenario; log lines would appear between the tables."""
    logging.getLogger("oomwarden").setLevel(logging.ERROR)
    sizes = measure()
    table(
        "Size of one object in etcd's file, bytes",
        [(n, str(getattr(sizes, n))) for n in Sizes.__slots__],
    )
    for name, play in SCENARIOS.items():
        world = play(sizes=sizes)
        table(f"Space in etcd, {PODS:,} pods on {NODES:,} nodes: {name}", world.rows)
        sys.stdout.flush()
