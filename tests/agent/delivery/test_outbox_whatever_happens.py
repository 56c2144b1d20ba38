"""A property of the outbox: whatever happens, every kill is recorded once."""

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.agent.delivery import intake, outbox
from oomwarden.agent.delivery.outcomes import settle_record
from oomwarden.agent.store.counters import counts
from oomwarden.agent.store.file import connect
from oomwarden.core.quota.pressure import CALM, NO_OPERATOR, Pressure, PressureLevel

from tests.support.delivering import NOW, RecordingApi, row, span


class World:
    """One node's outbox and the API server; a crash loses what is not in the file."""

    def __init__(self, path: Path) -> None:
        self.path, self.api, self.now = path, RecordingApi(), NOW
        self.recorded = {"p": 0, "q": 0}
        self.kills = 0
        self.pressure = CALM
        self.db = self.opened()

    def opened(self) -> sqlite3.Connection:
        connection = connect(self.path)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    def crash(self) -> None:
        self.db.close()
        self.db = self.opened()

    def enqueue(self, batch: list[tuple[str, str, int, int]], *, aborted: bool) -> None:
        """Count kills and store their records in one transaction, which may be rolled back."""
        recorded, rows = dict(self.recorded), []
        for pod, container, size, kills in batch:
            start = recorded[pod]
            recorded[pod] += size
            record = row(start, start + size, container, min(kills, size), pod=pod, at=self.now)
            rows.append(record)
        with self.db:
            intake.enqueue(self.db, self.now, rows, self.pressure)
            if aborted:
                self.db.rollback()
        if not aborted:
            self.recorded = recorded
            self.kills += sum(one.kill["kills"] for one in rows)

    def release(self, seconds: float) -> None:
        self.now += seconds
        with self.db:
            intake.release(self.db, self.now, self.pressure)

    def post(self, which: int, *, landed: bool, known: bool) -> None:
        keys = outbox.pending(self.db)
        if not keys or not landed:
            return
        (record,) = outbox.load_rows(self.db, [keys[which % len(keys)]])
        stored = self.api.kills.get(record.kill["metadata"]["name"])
        assert stored in (None, record.kill), "what may have been posted was changed"
        delivery = self.api.store_record(record.kill)
        if known:
            with self.db:
                settle_record(self.db, record, delivery, self.now, self.pressure)

    def drain(self) -> None:
        while outbox.pending(self.db) or outbox.outbox_counts(self.db).held:
            self.release(6 * 3600)
            self.post(0, landed=True, known=True)

    def check(self) -> None:
        for pod, recorded in self.recorded.items():
            kills = [k for k in self.api.kills.values() if k["pod"]["name"] == pod]
            covered = [n for kill in kills for n in range(*span(kill))]
            assert sorted(covered) == list(range(recorded))
        assert sum(kill["kills"] for kill in self.api.kills.values()) == self.kills
        assert counts(self.db).get("recorded", 0) == self.kills


BATCH = st.lists(
    st.tuples(st.sampled_from("pq"), st.sampled_from("abc"), st.integers(1, 4), st.integers(1, 4)),
    min_size=1,
    max_size=12,
)
STEP = st.one_of(
    st.tuples(st.just("enqueue"), BATCH, st.booleans()),
    st.tuples(st.just("release"), st.floats(0, 700)),
    st.tuples(st.just("post"), st.integers(0, 20), st.booleans(), st.booleans()),
    st.tuples(
        st.just("press"), st.sampled_from([CALM, NO_OPERATOR, *map(Pressure, PressureLevel)])
    ),
    st.tuples(st.just("crash")),
)


@given(st.lists(STEP, max_size=30))
def test_every_kill_is_recorded_once_whatever_is_held_merged_lost_or_repeated(
    steps: list[tuple[Any, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "s.sqlite")
        for name, *how in steps:
            if name == "enqueue":
                world.enqueue(how[0], aborted=how[1])
            elif name == "release":
                world.release(how[0])
            elif name == "post":
                world.post(how[0], landed=how[1], known=how[2])
            elif name == "press":
                world.pressure = how[0]
            else:
                world.crash()
        world.drain()
        world.check()
        world.db.close()
