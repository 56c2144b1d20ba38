"""Delivery: from the outbox to the API server, until delivered or undeliverable for a reason.

The steps of a turn: write down what became of the last posts and release what was held, all in one
transaction -> choose what may be tried -> hand it to the posters, records before Events.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from oomwarden import __version__
from oomwarden.agent.delivery import event_outbox, outbox, refusals
from oomwarden.agent.delivery.outbox import OutboxCounts, OutboxRow
from oomwarden.agent.delivery.outcomes import Job, OutboxSnapshot, key_of_job, settle
from oomwarden.agent.delivery.retry_queue import RetryQueue
from oomwarden.agent.informers.pressure import PressureWatch
from oomwarden.agent.runtime.signal import Signal
from oomwarden.agent.store.database import Database
from oomwarden.core.records.event_series import EventSeries
from oomwarden.core.records.oomkill import Manifest
from oomwarden.core.records.short_record import short_record
from oomwarden.core.reporting.delivery_trouble import DeliveryTrouble, delivery_trouble
from oomwarden.kube.oomkill_writer import Delivery
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

AT_ONCE = 8
REST_SECONDS = 60.0
RENAMES = 8
"""Others cannot foresee a new name: where all of these are taken, something else is wrong."""
TAKEN_SECONDS = 86_400.0
"""For how long it is reported that a name was taken."""
_LOG = logging.getLogger(__name__)

Post = Callable[[Manifest | EventSeries], Awaitable[Delivery]]


@dataclass(slots=True)
class Deliverer:
    """Empties the outbox; a row that waits blocks no other. `told`: the counts have changed.

    `pressure` tells how hard records are merged. `waiting` records may be posted; `numbers` tells
    of those that are held, refused or were given up. `taken` is the object of somebody else that
    had the name of a record or Event last, and `taken_at` when that was seen (wall-clock seconds).
    """

    store: Database
    post: Post
    pressure: PressureWatch = field(default_factory=partial(PressureWatch, ""))
    told: Callable[[], None] = field(default=lambda: None)
    wake: Signal = field(default_factory=Signal)
    progress: float = 0.0
    waiting: int = 0
    numbers: OutboxCounts = field(default_factory=lambda: OutboxCounts(0, 0, 0))
    taken: str = ""
    taken_at: float = 0.0
    _records: RetryQueue = field(default_factory=RetryQueue)
    _events: RetryQueue = field(default_factory=partial(RetryQueue, "Event"))
    _done: list[tuple[Job, Delivery]] = field(default_factory=list)
    _serial: "count[int]" = field(default_factory=count)
    _jobs: "asyncio.PriorityQueue[tuple[int, int, Job]]" = field(
        default_factory=asyncio.PriorityQueue
    )

    def __post_init__(self) -> None:
        self.pressure.changed = self.wake.set

    async def run(self) -> None:
        """Deliver for ever."""
        again = partial(refusals.try_again_after_upgrade, version=__version__)
        if tried_again := await self.store.run(again):
            _LOG.info("%d records that an earlier version gave up are tried again", tried_again)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._post_all())
            while True:
                self.wake.clear()
                patience = await self._turn()
                self.progress = time.monotonic()
                await self._rest(patience)

    async def _post_all(self) -> None:
        while True:
            *_, job = await self._jobs.get()
            delivery = await self._posted(job)
            self._done.append((job, delivery))  # another list than before the post
            self.wake.set()

    async def _posted(self, job: Job) -> Delivery:
        """Post; of a record that has long been invalid at least who was killed, and how often."""
        if not isinstance(job, OutboxRow):
            return await self.post(job)
        delivery, now = await self.post(job.kill), asyncio.get_running_loop().time()
        if delivery.retry is None or not self._records.is_long_invalid(job.key, now):
            return delivery
        short = await self.post(short_record(job.kill))
        if short.retry is not None:
            return delivery
        why = delivery.retry.reason
        _LOG.warning("%s is recorded without its details: %s", _described(job), why)
        return short

    async def _turn(self) -> float:
        """Give for how many seconds there is nothing to do."""
        done, self._done = self._done, []
        judged = [(job, self._judged(job, delivery)) for job, delivery in done]
        final = [(job, delivery) for job, delivery in judged if delivery.retry is None]
        refused = {
            job.key: delivery.retry.reason
            for job, delivery in judged
            if isinstance(job, OutboxRow) and delivery.retry and delivery.retry.refused
        }
        pressure = self.pressure.now()
        written = partial(settle, final=final, refused=refused, now=time.time(), pressure=pressure)
        stock = await self.store.run(written)
        for line in stock.dropped:
            _LOG.warning("%s", line)
        for job, _ in done:
            self._lane(job).in_flight.discard(key_of_job(job))
        self.waiting, self.numbers = len(stock.records), stock.numbers
        if final or refused or stock.dropped:
            self.told()
        await self._take(stock)
        return self._patience(stock)

    def _judged(self, job: Job, delivery: Delivery) -> Delivery:
        """Give what became of a row, and note when it may be tried again."""
        lane, key, now = self._lane(job), key_of_job(job), asyncio.get_running_loop().time()
        if delivery.name_taken_by is not None:
            delivery = self._taken(job, delivery.name_taken_by)
        retry = delivery.retry
        if retry is None:
            lane.forget(key)
        elif news := lane.requeue(key, retry, now):
            _LOG.warning("%s", news)
        if delivery.undeliverable is not None:
            _LOG.warning("%s is undeliverable: %s", _described(job), delivery.undeliverable)
        return delivery

    def trouble(self) -> DeliveryTrouble:
        """Give what the API server does not take, for people."""
        taken = self.taken if time.time() - self.taken_at < TAKEN_SECONDS else ""
        return delivery_trouble(self.numbers.refused, self.numbers.why, taken)

    def _taken(self, job: Job, by: str) -> Delivery:
        """Say that a name was taken; after many new ones a record waits as if it were refused."""
        self.taken, self.taken_at = by, time.time()
        _LOG.warning("the name of %s is taken by somebody else's object: %s", _described(job), by)
        if isinstance(job, OutboxRow) and job.renamed >= RENAMES:
            reason = f"{RENAMES} names one after the other are taken, the last by {by}"
            return Delivery(retry=WriteResult(WriteOutcome.RETRY, reason, refused=True))
        return Delivery(name_taken_by=by)

    async def _take(self, stock: OutboxSnapshot) -> None:
        now = asyncio.get_running_loop().time()
        records = self._records.choose(stock.records, now)
        events = self._events.choose(stock.events, now)
        if not records and not events:
            return
        rows = await self.store.run(partial(outbox.load_rows, keys=records))
        series = await self.store.run(partial(event_outbox.load, keys=events))
        for row in rows:
            self._jobs.put_nowait((0, next(self._serial), row))
        for event in series:
            self._jobs.put_nowait((1, next(self._serial), event))

    def _patience(self, stock: OutboxSnapshot) -> float:
        now = asyncio.get_running_loop().time()
        times = [self._records.soonest(stock.records), self._events.soonest(stock.events)]
        waits = [at - now for at in times if at is not None]
        if stock.due is not None:
            waits.append(stock.due - time.time())
        return max(min(waits, default=REST_SECONDS), 0.05)

    async def _rest(self, seconds: float) -> None:
        # Not wait_for: until Python 3.12 it swallows a cancellation that meets the wake-up.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, REST_SECONDS)):
                await self.wake.wait()

    def _lane(self, job: Job) -> RetryQueue:
        return self._records if isinstance(job, OutboxRow) else self._events


def _described(job: Job) -> str:
    if isinstance(job, OutboxRow):
        return f"record {job.key} ({job.kill['kills']} kills)"
    return f"the Event {key_of_job(job)}"
