"""Delivery: from the outbox to the API server, until delivered or undeliverable for a reason.

The steps of a turn: write down what became of the last posts and release what was held, all in one
transaction -> choose what may be tried -> hand it to the posters, records before Events.
"""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from oomwarden.agent import event_outbox, outbox
from oomwarden.agent.lane import Lane
from oomwarden.agent.outbox import Numbers, OutboxRow
from oomwarden.agent.pressure_watch import PressureWatch
from oomwarden.agent.store import Store
from oomwarden.core import record
from oomwarden.core.event_series import EventSeries
from oomwarden.core.pressure import CALM, Pressure
from oomwarden.core.record import Manifest
from oomwarden.kube.kills import Covered, Delivery

AT_ONCE = 8
REST_SECONDS = 60.0
_LOG = logging.getLogger(__name__)

Post = Callable[[Manifest | EventSeries], Awaitable[Delivery]]
Job = OutboxRow | EventSeries


@dataclass(frozen=True, slots=True)
class Stock:
    """What the outbox holds: the keys of records and Events to be sent, what is held.

    `due`: when something held is to be released, in wall-clock seconds.
    """

    records: list[str]
    events: list[str]
    numbers: Numbers
    due: float | None


@dataclass(slots=True)
class Deliverer:
    """Empties the outbox; a row that waits blocks no other. `told`: the counts have changed.

    `pressure` tells how hard records are merged.
    `waiting` records may be posted; `numbers` tells of those that are held or were given up.
    """

    store: Store
    post: Post
    pressure: PressureWatch = field(default_factory=partial(PressureWatch, ""))
    told: Callable[[], None] = field(default=lambda: None)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    progress: float = 0.0
    waiting: int = 0
    numbers: Numbers = field(default_factory=lambda: Numbers(0, 0, 0))
    _records: Lane = field(default_factory=Lane)
    _events: Lane = field(default_factory=partial(Lane, "Event"))
    _done: list[tuple[Job, Delivery]] = field(default_factory=list)
    _serial: "count[int]" = field(default_factory=count)
    _jobs: "asyncio.PriorityQueue[tuple[int, int, Job]]" = field(
        default_factory=asyncio.PriorityQueue
    )

    def __post_init__(self) -> None:
        self.pressure.changed = self.wake.set

    async def run(self) -> None:
        """Deliver for ever."""
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
            what = job.kill if isinstance(job, OutboxRow) else job
            delivery = await self.post(what)
            self._done.append((job, delivery))  # another list than before the post
            self.wake.set()

    async def _turn(self) -> float:
        """Give for how many seconds there is nothing to do."""
        done, self._done = self._done, []
        final = [(job, told) for job, delivery in done if (told := self._decided(job, delivery))]
        settle = partial(_settle, final=final, now=time.time(), pressure=self.pressure.now())
        stock = await self.store.run(settle)
        for job, _ in done:
            self._lane(job).taken.discard(_key(job))
        self.waiting, self.numbers = len(stock.records), stock.numbers
        if final:
            self.told()
        await self._take(stock)
        return self._patience(stock)

    def _decided(self, job: Job, delivery: Delivery) -> Delivery | None:
        """Give what became of a row, None: it is to be tried again."""
        lane, key, now = self._lane(job), _key(job), asyncio.get_running_loop().time()
        retry = delivery.retry
        if retry is None:
            lane.answered(key)
        elif news := lane.failed(key, retry, now):
            _LOG.warning("%s", news)
        if retry is not None and lane.is_hopeless(key, retry, now):
            delivery = Delivery(undeliverable=f"{retry.reason}; for {retry.patience:.0f} s")
        if delivery.undeliverable is not None:
            _LOG.warning("%s is undeliverable: %s", _described(job), delivery.undeliverable)
        return None if delivery.retry else delivery

    async def _take(self, stock: Stock) -> None:
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

    def _patience(self, stock: Stock) -> float:
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

    def _lane(self, job: Job) -> Lane:
        return self._records if isinstance(job, OutboxRow) else self._events


def _key(job: Job) -> str:
    return job.key if isinstance(job, OutboxRow) else outbox.key_of(job.first)


def _described(job: Job) -> str:
    if isinstance(job, OutboxRow):
        return f"record {job.key} ({job.kill['kills']} kills)"
    return f"the Event {_key(job)}"


def _settle(
    connection: sqlite3.Connection,
    final: list[tuple[Job, Delivery]],
    now: float,
    pressure: Pressure,
) -> Stock:
    """Write down what became of posts, release what was held, look at what there is."""
    for job, delivery in final:
        if isinstance(job, OutboxRow):
            _settle_record(connection, job, delivery, now, pressure)
        elif delivery.forgotten:
            event_outbox.renew(connection, _key(job))
        else:
            event_outbox.told(connection, _key(job), job.count)
    due = outbox.release(connection, now, pressure)
    event_outbox.forget_old(connection, now)
    numbers = outbox.numbers(connection)
    return Stock(outbox.pending(connection), event_outbox.pending(connection), numbers, due)


def _settle_record(
    connection: sqlite3.Connection,
    row: OutboxRow,
    delivery: Delivery,
    now: float,
    pressure: Pressure = CALM,
) -> None:
    if delivery.undeliverable is not None:
        outbox.give_up(connection, row, delivery.undeliverable)
        return
    rest = _rest_of(row, delivery.covered) if delivery.covered else None
    kills = row.kill["kills"] - (rest.kill["kills"] if rest else 0)
    if not outbox.take_out(connection, row, kills):
        return
    event_outbox.tell(connection, row)
    if rest is not None:
        outbox.enqueue(connection, now, [rest], pressure)


def _rest_of(row: OutboxRow, covered: Covered) -> OutboxRow:
    """Give the record of what the stored one leaves untold; the Event tells of all of it."""
    kill = record.rest_of(row.kill, covered.to)
    kill["kills"] = max(row.kill["kills"] - covered.kills, 1)
    return OutboxRow(outbox.key_of(kill), kill, None)
