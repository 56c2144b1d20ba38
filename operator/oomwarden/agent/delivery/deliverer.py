"""Delivers records and Events from the outbox to the API server.

The steps of a turn: store the results of the last posts, release held records and read the rows
that may be tried, all in one transaction -> queue them for the posters, records before Events. A
row leaves the outbox when it is delivered or undeliverable, with a reason.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import Any, Unpack

from msgspec import Struct, field

from oomwarden import __version__
from oomwarden.agent.delivery import refusals
from oomwarden.agent.delivery.outbox import OutboxCounts
from oomwarden.agent.delivery.outcomes import (
    DeliveryJob,
    OutboxSnapshot,
    Turn,
    job_key,
    settle,
    settle_and_load,
)
from oomwarden.agent.delivery.release_pace import ReleasePace
from oomwarden.agent.delivery.retry_queue import RetryQueue
from oomwarden.agent.delivery.turn_timer import EVENT_SECONDS, SHARE_SECONDS, TurnTimer
from oomwarden.agent.informers.pressure import PressureCache
from oomwarden.agent.runtime.signal import Signal
from oomwarden.agent.store.database import Database
from oomwarden.core.log_line.keys import LogKeys, about, about_object
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.event_series import EventSeries
from oomwarden.core.records.outbox_row import OutboxRow
from oomwarden.core.records.short_record import short_record
from oomwarden.core.reporting.delivery_problem import DeliveryProblem, delivery_problem
from oomwarden.kube.oomkill_writer import Delivery
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult, error_keys

POSTERS = 8
"""Posts in parallel."""
MAX_IDLE_SECONDS = 60.0
MAX_RENAMES = 8
"""New names are random: if this many in a row exist already, something else is wrong."""
NAME_CONFLICT_SECONDS = 86_400.0
"""How long a name conflict is reported."""
_LOG = logging.getLogger(__name__)

DeliverObject = Callable[[Manifest | EventSeries], Awaitable[Delivery]]


class Deliverer(Struct):
    """Empties the outbox; a row that waits for its retry does not block others."""

    store: Database
    post: DeliverObject
    pressure: PressureCache
    """How much the records of each namespace are merged."""
    status_changed: Callable[[], None]
    """Called when the counts have changed."""
    wake: Signal
    """Set when the outbox has new rows or held records may be due earlier."""
    progress: float = 0.0
    waiting: int = 0
    """Records that may be posted."""
    counts: OutboxCounts = field(default_factory=lambda: OutboxCounts(0, 0, 0))
    """Records that are held, refused or undeliverable."""
    name_conflict: str = ""
    """The last object of another program that had the name of a record or an Event."""
    name_conflict_at: float = 0.0
    """When `name_conflict` was found, in wall-clock seconds."""
    _records: RetryQueue = field(default_factory=RetryQueue)
    _events: RetryQueue = field(default_factory=partial(RetryQueue, "Event"))
    _pace: ReleasePace = field(default_factory=ReleasePace)
    _finished: list[tuple[DeliveryJob, Delivery]] = field(default_factory=list)
    _serial: "count[int]" = field(default_factory=count)
    _jobs: "asyncio.PriorityQueue[tuple[int, int, DeliveryJob]]" = field(
        default_factory=asyncio.PriorityQueue
    )
    _timer: TurnTimer = field(default_factory=TurnTimer)

    async def run(self) -> None:
        """Deliver until cancelled."""
        again = partial(refusals.retry_after_upgrade, version=__version__)
        if tried_again := await self.store.run(again):
            _LOG.info(
                "retrying %d records that an earlier version gave up",
                tried_again,
                extra=about(kind="OOMKill", count=tried_again, reason="Upgraded"),
            )
        async with asyncio.TaskGroup() as group:
            for _ in range(POSTERS):
                group.create_task(self._run_poster())
            while True:
                seconds = await self._turn()
                self.progress = time.monotonic()
                await self.wake.wait(min(seconds, MAX_IDLE_SECONDS))

    async def _run_poster(self) -> None:
        while True:
            *_, job = await self._jobs.get()
            delivery = await self._post_job(job)
            self._finished.append((job, delivery))  # _turn may have replaced the list meanwhile
            if not self._jobs.empty():
                self._timer.within(SHARE_SECONDS, self.wake.set)
            elif self._is_wanted_soon(job, delivery):
                self.wake.set()
            else:
                self._timer.within(EVENT_SECONDS, self.wake.set)

    def _is_wanted_soon(self, job: DeliveryJob, delivery: Delivery) -> bool:
        is_record = isinstance(job, OutboxRow) or delivery != Delivery()
        return is_record or len(self._finished) >= POSTERS

    async def _post_job(self, job: DeliveryJob) -> Delivery:
        """Post a row; a record that has long been invalid is posted without its details."""
        if not isinstance(job, OutboxRow):
            return await self.post(job)
        delivery, now = await self.post(job.kill), time.monotonic()
        if delivery.retry is None or not self._records.is_long_invalid(job.key, now):
            return delivery
        short = await self.post(short_record(job.kill))
        if short.retry is not None:
            return delivery
        _LOG.warning(
            "%s was stored without its details: %s",
            _describe(job),
            delivery.retry.reason,
            extra=_about(job, error_keys(delivery.retry)),
        )
        return short

    async def _turn(self) -> float:
        """Run one turn; return the seconds until the next one is due."""
        self._timer.cancel()
        done, self._finished = self._finished, []
        handled = [(job, self._handle_outcome(job, delivery)) for job, delivery in done]
        final = [(job, delivery) for job, delivery in handled if delivery.retry is None]
        refused = {
            job.key: delivery.retry.reason
            for job, delivery in handled
            if isinstance(job, OutboxRow) and delivery.retry and delivery.retry.refused
        }
        pressure = self.pressure.current()
        loop, now = asyncio.get_running_loop(), time.time()
        release = self._pace.begin(loop.time(), pressure)
        write = partial(settle, final=final, refused=refused, now=now, pressure=pressure)
        for job, _ in done:
            self._queue_of(job).in_flight.discard(job_key(job))
        work = partial(settle_and_load, settle=partial(write, release=release), choose=self._choose)
        turn = await self.store.run(work)
        snapshot = turn.outbox
        if release:
            due = snapshot.due
            self._pace.end(loop.time(), None if due is None else max(due - time.time(), 0))
        for key, why in snapshot.dropped:
            namespace, _, name = key.partition("/")
            _LOG.warning(
                "record %s was dropped, too old or one of too many: %s",
                key,
                why,
                extra=about(
                    kind="OOMKill", namespace=namespace, name=name, reason="Dropped", error=why
                ),
            )
        self.waiting, self.counts = len(snapshot.records), snapshot.counts
        if final or refused or snapshot.dropped:
            self.status_changed()
        self._enqueue_jobs(turn)
        return self._seconds_to_next(snapshot)

    def _handle_outcome(self, job: DeliveryJob, delivery: Delivery) -> Delivery:
        """Return the result of a post, and schedule the row's retry if it needs one."""
        queue, key, now = self._queue_of(job), job_key(job), time.monotonic()
        if delivery.name_taken_by is not None:
            delivery = self._handle_name_conflict(job, delivery.name_taken_by)
        retry = delivery.retry
        if retry is None:
            queue.forget(key)
        elif message := queue.requeue(key, retry, now):
            _LOG.warning("%s", message, extra=_about(job, error_keys(retry)))
        if delivery.undeliverable is not None:
            _LOG.warning(
                "%s is undeliverable: %s",
                _describe(job),
                delivery.undeliverable,
                extra=_about(job, reason="Undeliverable", error=delivery.undeliverable),
            )
        return delivery

    def trouble(self) -> DeliveryProblem:
        """Return what the API server refuses, for the condition of OOMNode."""
        is_recent = time.time() - self.name_conflict_at < NAME_CONFLICT_SECONDS
        conflict = self.name_conflict if is_recent else ""
        return delivery_problem(self.counts.refused, self.counts.refusal_reason, conflict)

    def _handle_name_conflict(self, job: DeliveryJob, by: str) -> Delivery:
        """Report a name conflict; after many new names a record waits like a refused one."""
        self.name_conflict, self.name_conflict_at = by, time.time()
        _LOG.warning(
            "the name of %s belongs to an object of another program: %s",
            _describe(job),
            by,
            extra=_about(job, reason="NameTaken", error=by),
        )
        if isinstance(job, OutboxRow) and job.renamed >= MAX_RENAMES:
            reason = f"{MAX_RENAMES} names in a row exist already, the last one as {by}"
            return Delivery(retry=WriteResult(WriteOutcome.RETRY, reason, refused=True))
        return Delivery(name_taken_by=by)

    def _choose(self, snapshot: OutboxSnapshot) -> tuple[list[str], list[str]]:
        now = time.monotonic()
        records = self._records.choose(snapshot.records, now)
        return records, self._events.choose(snapshot.events, now)

    def _enqueue_jobs(self, turn: Turn) -> None:
        self._records.take(map(job_key, turn.records), turn.outbox.records)
        self._events.take(map(job_key, turn.events), turn.outbox.events)
        for row in turn.records:
            self._jobs.put_nowait((0, next(self._serial), row))
        for event in turn.events:
            self._jobs.put_nowait((1, next(self._serial), event))

    def _seconds_to_next(self, snapshot: OutboxSnapshot) -> float:
        now = time.monotonic()
        times = [self._records.next_due(snapshot.records), self._events.next_due(snapshot.events)]
        looked = self._pace.next_due() if snapshot.counts.held else None
        waits = [at - now for at in (*times, looked) if at is not None]
        return max(min(waits, default=MAX_IDLE_SECONDS), 0.05)

    def _queue_of(self, job: DeliveryJob) -> RetryQueue:
        return self._records if isinstance(job, OutboxRow) else self._events


def _about(job: DeliveryJob, *known: LogKeys, **keys: Unpack[LogKeys]) -> dict[str, Any]:
    if isinstance(job, OutboxRow):
        return about_object("OOMKill", job.kill, {"kills": job.kill["kills"]}, *known, keys)
    return about_object("Event", job.first, *known, keys)


def _describe(job: DeliveryJob) -> str:
    if isinstance(job, OutboxRow):
        return f"record {job.key} ({job.kill['kills']} kills)"
    return f"the Event {job_key(job)}"
