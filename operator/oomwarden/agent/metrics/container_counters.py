"""The counters of containers, by their names.

Kills are counted when their record is stored, in one transaction with it, so that a restart goes on
with the same numbers. Each agent counts the other events from its own start.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from oomwarden.agent.informers.inventory import Container, ContainerName, Inventory
from oomwarden.agent.recording.kill_counts import kill_counts
from oomwarden.agent.runtime.ticks import until_tick
from oomwarden.agent.store import kill_counts as stored_counts
from oomwarden.agent.store.database import Database
from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.incidents.memory_events import EventCounts
from oomwarden.core.incidents.near_misses import LimitHolder
from oomwarden.core.metrics.counter_series import CounterSeries, LabelValues
from oomwarden.core.metrics.exposition import Families, single
from oomwarden.core.metrics.families.containers import (
    LEFT_OUT_CONTAINERS,
    MEMORY_EVENTS,
    NEAR_MISSES,
    OOM_KILLS,
)
from oomwarden.core.metrics.family import Family
from oomwarden.core.metrics.kill_count import KILL_FAMILIES
from oomwarden.core.metrics.live_names import MAX_NAMES, LiveNames

ROUND_SECONDS = 20.0
"""Time between two looks for containers that are new or gone."""
MAX_SERIES = 8 * MAX_NAMES
"""Of one family; a container with all six events and some causes of kills has fewer than eight."""
_NAME = 3
"""How many labels name a container."""
_FAMILIES = (*KILL_FAMILIES, MEMORY_EVENTS, NEAR_MISSES)


@dataclass(slots=True)
class ContainerCounters:
    """Counts kills, memory events and near misses.

    Attributes:
        inventory: The containers of this node.
        store: Where kills are counted.
        names: The containers that have series.
        progress: Time of the last look (`time.monotonic`).
    """

    inventory: Inventory
    store: Database
    names: LiveNames = field(default_factory=LiveNames)
    progress: float = 0.0
    _series: dict[str, CounterSeries] = field(init=False)
    _running: Mapping[ContainerName, Container] = field(default_factory=dict)
    _version: int = -1  # of the inventory, as of the last look
    _looked_at: float = 0.0

    def __post_init__(self) -> None:
        self._series = {each.name: CounterSeries(MAX_SERIES) for each in _FAMILIES}

    async def run(self) -> None:
        """Follow the containers until cancelled."""
        while True:
            await self.look()
            self.progress = time.monotonic()
            await asyncio.sleep(until_tick(ROUND_SECONDS))

    async def load(self) -> None:
        """Go on where an earlier agent has ended; call it before anything is counted."""
        for metric, counts in (await self.store.run(stored_counts.load)).items():
            if series := self._series.get(metric):
                self.names.restore((labels[:_NAME] for labels in counts), time.monotonic())
                series.restore({each: count for each, count in counts.items() if self._kept(each)})

    async def look(self) -> None:
        """Begin the series of new containers, and end those of containers that are long gone."""
        now, version = time.monotonic(), self.inventory.version
        before, self._looked_at = self._looked_at, now
        if version == self._version and self.names.count <= len(self._running):
            return
        for name in self._running:
            self.names.admit(name, before)  # they ran until then
        running = self._running = self.inventory.by_name()
        self._version = version
        over = self.names.look(running.keys(), now)
        for name, container in running.items():
            if name in self.names:
                self._begin(name, container, now)
        if over:
            for series in self._series.values():
                series.forget(lambda labels: labels[:_NAME] in over)
            await self.store.run(lambda db: stored_counts.keep_only(db, self._kept))

    def _kept(self, labels: LabelValues) -> bool:
        return labels[:_NAME] in self.names

    def _begin(self, name: LabelValues, container: Container, now: float) -> None:
        """Begin with the cause that is likely, so that a first kill shows immediately."""
        pod = self.inventory.pod(container.cgroup)
        owner = (pod.owner.kind, pod.owner.name) if pod and pod.owner else ("", "")
        likely = Cause.CONTAINER_LIMIT if container.limit else Cause.NODE_OUT_OF_MEMORY
        self._series[OOM_KILLS.name].begin((*name, *owner, str(likely)), now)

    def kill_recorded(self, incident: Incident) -> None:
        """Count an incident whose record was stored."""
        for each in kill_counts(incident):
            self._add(each.family, each.labels, each.by)

    def events_counted(self, counts: EventCounts) -> None:
        """Count memory events."""
        for holder, rose in counts.items():
            if name := self._name(holder):
                for event, by in rose.items():
                    self._add(MEMORY_EVENTS, (*name, event), by)

    def near_misses_counted(self, counts: Mapping[LimitHolder, int]) -> None:
        """Count near misses."""
        for holder, by in counts.items():
            if name := self._name(holder):
                self._add(NEAR_MISSES, name, by)

    def _name(self, holder: LimitHolder) -> LabelValues | None:
        uid, container = holder
        pod = self.inventory.pods.get(uid) or self.inventory.deleted.get(uid)
        return (pod.namespace, pod.name, container) if pod else None

    def _add(self, family: Family, labels: LabelValues, by: int) -> None:
        now = time.monotonic()
        if self.names.admit(labels[:_NAME], now):
            self._series[family.name].add(labels, now, by)

    def families(self) -> Families:
        """Return what Prometheus sees now."""
        now = time.monotonic()
        counters = [(each, self._series[each.name].samples(now)) for each in _FAMILIES]
        return (*counters, single(LEFT_OUT_CONTAINERS, self.names.left_out))
