"""Delivery: from the outbox to the API server, until delivered or undeliverable for a reason."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from oomwarden.agent import outbox
from oomwarden.agent.outbox import OutboxRow
from oomwarden.agent.store import Store
from oomwarden.core import record
from oomwarden.kube.kills import Delivery

AT_ONCE = 8
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.5, 30.0
_LOG = logging.getLogger(__name__)

Post = Callable[[record.Manifest, record.Manifest | None], Awaitable[Delivery]]


@dataclass(slots=True)
class Attempt:
    """When a row may be tried again, in loop time, and the wait after that in seconds."""

    not_before: float
    wait: float


@dataclass(slots=True)
class Deliverer:
    """Empties the outbox; a row that waits blocks no other. `told`: the counts have changed."""

    store: Store
    post: Post
    told: Callable[[], None] = field(default=lambda: None)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    progress: float = 0.0
    waiting: int = 0
    _attempts: dict[str, Attempt] = field(default_factory=dict)
    _reasons: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            self.wake.clear()
            now = asyncio.get_running_loop().time()
            ready = await self._ready(now)
            await asyncio.gather(*(self._post_one(row) for row in ready))
            self.progress = time.monotonic()
            if not ready:
                await self._rest(now)

    async def _ready(self, now: float) -> list[OutboxRow]:
        keys = await self.store.run(outbox.pending)
        self.waiting = len(keys)
        due = [key for key in keys if self._is_due(key, now)][:AT_ONCE]
        return await self.store.run(lambda db: outbox.load_rows(db, due))

    def _is_due(self, key: str, now: float) -> bool:
        attempt = self._attempts.get(key)
        return attempt is None or attempt.not_before <= now

    async def _rest(self, now: float) -> None:
        soonest = min((a.not_before for a in self._attempts.values()), default=now + 60)
        try:
            await asyncio.wait_for(self.wake.wait(), max(soonest - now, 0.05))
        except TimeoutError:
            return

    async def _post_one(self, row: OutboxRow) -> None:
        delivery = await self.post(row.kill, row.event)
        if delivery.retry_after is not None:
            self._postpone(row, delivery)
            return
        self._attempts.pop(row.key, None)
        if delivery.undeliverable is not None:
            _LOG.warning("record %s is undeliverable: %s", row.key, delivery.undeliverable)
        await self.store.run(lambda db: self._finish(db, row, delivery))
        self.told()

    def _finish(self, db: sqlite3.Connection, row: OutboxRow, told: Delivery) -> None:
        if told.covered_to is not None:
            rest = record.rest_of(row.kill, told.covered_to)
            name = rest["metadata"]["name"]
            key = f"{rest['metadata']['namespace']}/{name}"
            outbox.enqueue(db, time.time(), [OutboxRow(key, rest, None)])
        outbox.finish(db, row.key, told.undeliverable)

    def _postpone(self, row: OutboxRow, delivery: Delivery) -> None:
        now = asyncio.get_running_loop().time()
        before = self._attempts.get(row.key)
        wait = min(before.wait * 2, LAST_RETRY_SECONDS) if before else FIRST_RETRY_SECONDS
        wait = max(wait, delivery.retry_after or 0)
        self._attempts[row.key] = Attempt(now + wait, wait)
        if delivery.reason not in self._reasons:
            self._reasons.add(delivery.reason)
            _LOG.warning("record %s waits: %s", row.key, delivery.reason)
