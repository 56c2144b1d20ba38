"""OOMNode: written on change, every few seconds at most with jitter, and every 5 minutes anyway.

A change that all nodes learn of at the same time, such as a ClusterOOMPolicy, spreads their writes:
the more nodes there are, the further apart. Refused writes wait longer each time.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct, field, structs

from oomwarden.agent.runtime.signal import Signal
from oomwarden.agent.runtime.ticks import until_tick
from oomwarden.api.node.memory import MemoryInfo, Overcommit
from oomwarden.api.node.memory_outlook import NearMissSummary
from oomwarden.api.oomnode import KillCounts, OOMNodeStatus
from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.core.model.conditions import carry_over
from oomwarden.core.objects.unreadable import describe_error
from oomwarden.core.reporting.memory_outlook import outlook_news
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

HEARTBEAT_SECONDS = 300.0
HEARTBEAT_JITTER = 0.8, 1.0
"""Agents that a rollout started together would otherwise write together for days."""
READ_SECONDS = 60.0
"""Time between two reads without a signal: some conditions and counts change without one."""
GAPS_PER_GLANCE = 2.0
"""Gaps between two glances at what changes without a signal and costs little to look at; it is
READ_SECONDS at most."""
GAPS_PER_REST = 0.5
"""Gaps between a read that led to no write and the next one: counts of kills rise often."""
GATHER_SECONDS = 0.5
"""Changes come in groups; one read serves them all."""
WRITES_PER_SECOND = 200.0
"""What a whole fleet aims at when all nodes have changed; 20 nodes need not wait."""
COUNT_GAPS = 12.0
"""Gaps between two writes for nothing but counts of kills and near misses, which rise often."""
LAST_RETRY_SECONDS = 120.0
MAX_ASKED_SECONDS = 300.0
"""Longest wait that the API server, or a proxy in its place, gets by Retry-After."""
_LOG = logging.getLogger(__name__)


class NodeStatusWriter(Struct):
    """Writes OOMNode when what is gathered differs from what was written last.

    Attributes:
        gather: Returns the status of this moment.
        write: Raises when the API server did not accept it; it is tried again with a back-off.
        changed: Set when the status may differ.
        gap: Least number of seconds between two writes.
        nodes: Returns how many agents there are.
        glance: Returns what changes without a signal, to be compared.
        previous: The status that an earlier agent wrote.
        progress: Time of the last turn of the loop (`time.monotonic`).
    """

    gather: Callable[[], Awaitable[OOMNodeStatus]]
    write: Callable[[OOMNodeStatus], Awaitable[None]]
    changed: Signal
    gap: float
    nodes: Callable[[], int]
    glance: Callable[[], object]
    previous: OOMNodeStatus | None = None
    progress: float = 0.0
    _written: OOMNodeStatus | None = None
    _at: float = field(default=-HEARTBEAT_SECONDS)
    _retry: float = 0.0
    _rested: float = 0.0
    _seen: object = None
    _heartbeat: float = HEARTBEAT_SECONDS

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            self._seen = self.glance()
            status = await self._gathered()
            if status is not None and self._is_due(status):
                await asyncio.sleep(await self._try(status))
            else:
                self._rested = time.monotonic() + self.gap * GAPS_PER_REST
            self.progress = time.monotonic()
            await self._wait()

    async def _gathered(self) -> OOMNodeStatus | None:
        """Return the status of now; None: something in it does not fit into an OOMNode."""
        try:
            status = await self.gather()
        except ValueError as error:
            why = describe_error(error)
            _LOG.error(
                "OOMNode could not be built and is tried again: %s",
                why,
                extra=about(kind="OOMNode", reason=UNREADABLE, error=why),
            )
            return None
        before = self._written or self.previous
        if before is None:
            return status
        kept = carry_over(status.conditions, before.conditions)
        return structs.replace(status, conditions=kept)

    async def _wait(self) -> None:
        """Wait for a change, and then as long as the size of the fleet asks for."""
        until = time.monotonic() + READ_SECONDS
        glance = min(self.gap * GAPS_PER_GLANCE, READ_SECONDS)
        while not await self.changed.set_within(until_tick(glance)):
            self.progress = time.monotonic()
            if self.progress >= until or self.glance() != self._seen:
                break
        else:
            spread = min(self.gap, self.nodes() / WRITES_PER_SECOND)
            due = self.changed.since + random.uniform(0, spread)  # noqa: S311 - jitter
            due = max(due, self._rested)
            await asyncio.sleep(max(due - time.monotonic(), GATHER_SECONDS))
        self.changed.clear()

    async def _try(self, status: OOMNodeStatus) -> float:
        """Write; return the seconds until the next write."""
        try:
            await self.write(status)
        except Exception as error:  # noqa: BLE001 - whatever the API answers, the loop goes on
            return self._failed(error)
        self._written, self._at, self._retry = status, time.monotonic(), 0.0
        self._heartbeat = HEARTBEAT_SECONDS * random.uniform(*HEARTBEAT_JITTER)  # noqa: S311
        return _jittered(self.gap)

    def _failed(self, error: Exception) -> float:
        result = classify_error(error)
        if not isinstance(error, API_ERRORS):
            result = structs.replace(result, reason=describe_error(error), kind=UNREADABLE)
        asked = min(result.retry_after, MAX_ASKED_SECONDS)
        self._retry = min(max(2 * self._retry, self.gap), max(LAST_RETRY_SECONDS, self.gap))
        wait = max(_jittered(self._retry), asked * random.uniform(1.0, 1.2))  # noqa: S311
        _LOG.warning(
            "OOMNode was not written and is tried again in %.0f s: %s",
            wait,
            result.reason,
            extra=about(error_keys(result), kind="OOMNode", retrySeconds=wait),
        )
        return wait

    def _is_due(self, status: OOMNodeStatus) -> bool:
        age = time.monotonic() - self._at
        if self._written is None or age > self._heartbeat:
            return True
        if _facts(status) != _facts(self._written):
            return True
        if age < COUNT_GAPS * self.gap:
            return False
        news = outlook_news(status) - outlook_news(self._written)
        return bool(news) or status.kills != self._written.kills


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - jitter


def _facts(status: OOMNodeStatus) -> OOMNodeStatus:
    """Return a status without what changes all the time."""
    return structs.replace(
        status,
        agent=structs.replace(status.agent, heartbeat=""),
        memory=_settled_memory(status.memory),
        applied=structs.replace(status.applied, processes=0),  # moves with every fork
        near_misses=NearMissSummary(),
        patterns=(),
        patterns_left_out=0,
        kills=KillCounts(),
    )


def _settled_memory(memory: MemoryInfo) -> MemoryInfo:
    """Return what an administrator sets.

    The rest moves: with a balloon of the hypervisor even MemTotal, and with it CommitLimit.
    """
    settings = memory.overcommit or Overcommit()
    kept = Overcommit(mode=settings.mode, ratio=settings.ratio, kbytes=settings.kbytes)
    return MemoryInfo(capacity=memory.capacity, allocatable=memory.allocatable, overcommit=kept)
