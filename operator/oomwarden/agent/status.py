"""OOMNode: written on change, each few seconds at most with jitter, and every 5 minutes anyway."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.core.conditions import carry_over

MIN_GAP_SECONDS = 10.0
HEARTBEAT_SECONDS = 300.0
GAPS_PER_LOOK = 1.5
"""Gaps between two looks without news: conditions and counts that nobody tells of."""
GATHER_SECONDS = 0.5
"""News come in groups; one look takes them all."""
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class StatusWriter:
    """Compares what `gather` gives with what was written last.

    `write` raises when the API server did not take it; it is tried again at the next gap.
    `gap` is the least number of seconds between two writes.
    """

    gather: Callable[[], Awaitable[OOMNodeStatus]]
    write: Callable[[OOMNodeStatus], Awaitable[None]]
    gap: float = MIN_GAP_SECONDS
    previous: OOMNodeStatus | None = None
    progress: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _written: OOMNodeStatus | None = None
    _at: float = field(default=-HEARTBEAT_SECONDS)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            status = await self.gather()
            before = self._written or self.previous
            if before is not None:
                kept = carry_over(status.conditions, before.conditions)
                status = status.model_copy(update={"conditions": kept})
            if self._is_due(status):
                await self._try(status)
                await asyncio.sleep(self.gap * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            self.progress = time.monotonic()
            await self._wait()

    def news(self) -> None:
        """Tell that the status may have changed."""
        self._news.set()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.gap * GAPS_PER_LOOK):
                await self._news.wait()
        await asyncio.sleep(GATHER_SECONDS)
        self._news.clear()

    async def _try(self, status: OOMNodeStatus) -> None:
        try:
            await self.write(status)
        except Exception as error:  # noqa: BLE001 - whatever the API answers, the loop goes on
            _LOG.warning("OOMNode was not written, tried again in %g s: %s", self.gap, error)
        else:
            self._written, self._at = status, time.monotonic()

    def _is_due(self, status: OOMNodeStatus) -> bool:
        if self._written is None or time.monotonic() - self._at > HEARTBEAT_SECONDS:
            return True
        return _facts(status) != _facts(self._written)


def _facts(status: OOMNodeStatus) -> dict[str, object]:
    """Leave out what changes all the time."""
    facts = status.model_dump()
    facts["agent"].pop("heartbeat")
    facts["memory"].pop("available")
    facts["applied"].pop("processes")  # moves with every fork
    return facts
