"""A deliverer that posts to an API server that is a dict."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from oomwarden.agent.delivery import intake
from oomwarden.agent.delivery.deliverer import Deliverer, DeliverObject
from oomwarden.agent.informers.pressure import PressureCache
from oomwarden.agent.runtime.signal import Signal
from oomwarden.agent.store.database import Database
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.event_series import EventSeries
from oomwarden.core.records.metadata import record_name
from oomwarden.core.records.oomkill import timestamp
from oomwarden.core.records.outbox_row import OutboxRow
from oomwarden.kube.oomkill_writer import Delivery, RecordedPrefix

from tests.support.stores import store_at

NOW = 1_800_000_000.0


def row(start: int, end: int, container: str = "app", kills: int = 1, **how: object) -> OutboxRow:
    """Return a record of `end - start` increments.

    `how`: pod, namespace, at (wall-clock seconds), event, memory.
    """
    namespace = str(how.get("namespace", "shop"))
    pod, at = str(how.get("pod", "api")), float(str(how.get("at", NOW)))
    name = record_name(pod, "boot", 7, 0, start)
    evidence = {"bootID": "boot", "cgroup": 7, "level": "Pod", "epoch": 0, "from": start, "to": end}
    kill: Manifest = {
        "metadata": {"name": name, "namespace": namespace, "labels": {}},
        "pod": {"name": pod, "uid": f"uid-{pod}"},
        "container": {"name": container},
        "cause": "ContainerLimit",
        "kills": kills,
        "time": {"before": timestamp(at)},
        "evidence": {**evidence, "sources": ["Counters"]},
    }
    if how.get("memory"):
        kill["memory"] = {"at": timestamp(at), "usage": "30Mi", "samples": [{"usage": "1Mi"}]}
    event = {"metadata": {"name": name, "namespace": namespace}, "eventTime": timestamp(at)}
    return OutboxRow(kill, event if how.get("event", True) else None)


def span(kill: Manifest) -> tuple[int, int]:
    return kill["evidence"]["from"], kill["evidence"]["to"]


@dataclass
class RecordingApi:
    """Stores what is posted, unless `refuse` returns a delivery."""

    kills: dict[str, Manifest] = field(default_factory=dict)
    events: dict[str, Manifest] = field(default_factory=dict)
    posts: list[str] = field(default_factory=list)
    refuse: Callable[[Manifest | EventSeries], Delivery | None] = lambda _: None

    async def post(self, what: Manifest | EventSeries) -> Delivery:
        await asyncio.sleep(0)
        refused = self.refuse(what)
        if refused is not None:
            return refused
        return self.post_event(what) if isinstance(what, EventSeries) else self.store_record(what)

    def store_record(self, kill: Manifest) -> Delivery:
        name = kill["metadata"]["name"]
        self.posts.append(name)
        stored = self.kills.setdefault(name, kill)
        if span(stored)[1] < span(kill)[1]:
            return Delivery(recorded_prefix=RecordedPrefix(span(stored)[1], stored["kills"]))
        return Delivery()

    def post_event(self, event: EventSeries) -> Delivery:
        name = event.first["metadata"]["name"]
        if event.posted_count == 0:
            self.events.setdefault(name, event.manifest())
        elif name not in self.events:
            return Delivery(event_expired=True)
        self.events[name] |= event.patch()
        return Delivery()


@dataclass
class RunningDeliverer:
    """A running deliverer and its store."""

    deliverer: Deliverer
    store: Database

    async def enqueue(self, *rows: OutboxRow, now: float = NOW) -> None:
        await self.store.run(partial(intake.enqueue, now=now, rows=list(rows)))
        self.deliverer.wake.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                await self.store.run(left_over)

    async def idle(self) -> None:
        """Wait until every record and Event is posted."""
        async with asyncio.timeout(10):
            while await self.store.run(left_over):
                self.deliverer.wake.set()  # the results of Events have time


def left_over(db: sqlite3.Connection) -> int:
    (records,) = db.execute("SELECT COUNT(*) FROM outbox WHERE state <> 'Undeliverable'").fetchone()
    (events,) = db.execute("SELECT COUNT(*) FROM events WHERE told < count").fetchone()
    return int(records + events)


@asynccontextmanager
async def delivering(path: Path, post: DeliverObject) -> AsyncIterator[RunningDeliverer]:
    """Run a deliverer on the store at `path`."""
    store = store_at(path)
    await store.open()
    wake = Signal()
    pressure = PressureCache("", wake.set)
    deliverer = Deliverer(store, post, pressure, lambda: None, wake)
    task = asyncio.create_task(deliverer.run())
    try:
        yield RunningDeliverer(deliverer, store)
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])
        await store.close()
