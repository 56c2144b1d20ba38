"""What is seen of containers before a kill; an Event where the chart's values ask for it.

The steps, in order: count near misses -> judge what usage looks like -> near misses above the
budget, or a probable leak that will reach its limit soon -> was it posted already -> post it, a
bounded number of times. A restart forgets what it posted, but an Event has one name for an hour, or
for the life of a container.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct, field

from oomwarden.agent.delivery.event_retries import EventRetries
from oomwarden.agent.detection.limit_hits import LimitedCgroup, LimitHitMonitor
from oomwarden.agent.detection.usage_patterns import UsagePatternMonitor
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.runtime.ticks import until_tick
from oomwarden.core.incidents.near_misses import ROUND_SECONDS, WINDOW_SECONDS, RecentNearMisses
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.early_warning import WarnedContainer, leak_event, limit_hit_event
from oomwarden.core.usage_pattern.verdict import Pattern

MAX_EVENTS_AN_HOUR = 60
"""Of one node, so that a full node does not flood the API server."""


class WarningThresholds(NamedTuple):
    """When an Event is posted.

    Attributes:
        near_misses: More near misses of a container than this within an hour; 0: never.
        leak_seconds: A probable leak that will reach its limit within this time; 0: never.
    """

    near_misses: int = 0
    leak_seconds: int = 0


class EarlyWarnings(Struct):
    """Decides which Events are due, and has them posted.

    Attributes:
        node: The name of this node.
        thresholds: When an Event is posted.
        inventory: The containers, with their verdicts.
        hits: The near misses.
        patterns: Judges the containers.
        events: Posts the Events.
        now: Returns wall-clock seconds.
        progress: Time of the last round (`time.monotonic`).
    """

    node: str
    thresholds: WarningThresholds
    inventory: Inventory
    hits: LimitHitMonitor
    patterns: UsagePatternMonitor
    events: EventRetries
    now: Callable[[], float] = time.time
    progress: float = 0.0
    _posted: dict[tuple[str, ...], float] = field(default_factory=dict)
    """When an Event was posted: kept for an hour, or for a leak while the container lives."""

    async def run(self) -> None:
        """Run rounds until cancelled, at the same time as the agent's other loops."""
        while True:
            await asyncio.sleep(until_tick(ROUND_SECONDS))
            await self.hits.step()
            self.patterns.step()
            if any(self.thresholds):
                await self.post()
            self.progress = time.monotonic()

    async def post(self) -> None:
        """Post what is due now."""
        self._forget()
        for key, event in self._due():
            if self._posted_lately() >= MAX_EVENTS_AN_HOUR:
                break
            self._posted[key] = self.now()
            self.events.add(event)
        await self.events.step()

    def _due(self) -> Iterator[tuple[tuple[str, ...], Manifest]]:
        if self.thresholds.near_misses:
            for misses, limited in self.hits.recent():
                if misses.count > self.thresholds.near_misses:
                    yield from self._limit_hit(misses, limited)
        if self.thresholds.leak_seconds:
            for container in self.inventory.containers.values():
                yield from self._leak(container)

    def _limit_hit(
        self, misses: RecentNearMisses, limited: LimitedCgroup
    ) -> Iterator[tuple[tuple[str, ...], Manifest]]:
        pod, container, now = self.inventory.pod(limited.cgroup), limited.container, self.now()
        if pod is None or misses.holder in self._posted:
            return
        detail = container.memory.detail if container and container.memory else None
        if container and detail is None and now - misses.since < ROUND_SECONDS:
            return  # the next round knows what the memory consists of
        facts = self.inventory.container(container) if container else None
        about = WarnedContainer(pod, facts, limited.limit, self.node)
        consists = detail.composition if detail else None
        event = limit_hit_event(about, misses.count, now, limited.stalls, consists)
        yield misses.holder, event

    def _leak(self, container: Container) -> Iterator[tuple[tuple[str, ...], Manifest]]:
        verdict, life = container.verdict, container.cgroup.container_id or ""
        if verdict is None or verdict.pattern is not Pattern.LEAK:
            return
        if not life or (life,) in self._posted:
            return
        left = verdict.seconds_to_limit
        pod = self.inventory.pod(container.cgroup)
        if pod is not None and left is not None and left <= self.thresholds.leak_seconds:
            facts = self.inventory.container(container)
            about = WarnedContainer(pod, facts, container.limit, self.node)
            yield (life,), leak_event(about, life, verdict, self.now())

    def _posted_lately(self) -> int:
        return sum(self._is_recent(at) for at in self._posted.values())

    def _is_recent(self, at: float) -> bool:
        return 0 <= self.now() - at < WINDOW_SECONDS

    def _forget(self) -> None:
        live = {(each.cgroup.container_id or "",) for each in self.inventory.containers.values()}
        gone = [
            key for key, at in self._posted.items() if not self._is_recent(at) and key not in live
        ]
        for key in gone:
            del self._posted[key]
