import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oomwarden.agent.delivery import intake, outbox, outbox_bounds
from oomwarden.agent.delivery.outbox import OutboxCounts
from oomwarden.agent.store.counters import counts
from oomwarden.agent.store.file import connect
from oomwarden.core.quota.pressure import Pressure, PressureLevel

from tests.support.delivering import NOW, row, span

OLD_SCHEMA = """
CREATE TABLE outbox (
  name TEXT PRIMARY KEY, namespace TEXT, pod_uid TEXT, created REAL NOT NULL,
  body TEXT NOT NULL, state TEXT NOT NULL, reason TEXT) STRICT;
INSERT INTO outbox VALUES ('shop/a', 'shop', 'u', 1.0, '{"kill": {"metadata": {"namespace": "shop",
  "name": "a"}, "pod": {}, "cause": "PodLimit", "kills": 2}, "event": null}', 'Pending', NULL);
"""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "s.sqlite")
    yield connection
    connection.close()


def loop(db: sqlite3.Connection, kills: int, every: float = 0.1, **how: Any) -> None:  # noqa: ANN401
    """Record `kills` kills of one container, one every `every` seconds."""
    for n in range(kills):
        intake.enqueue(db, NOW + n * every, [row(n, n + 1, at=NOW + n * every, **how)])


def posted(db: sqlite3.Connection) -> list[tuple[int, int]]:
    return sorted(span(one.kill) for one in outbox.load_rows(db, outbox.pending(db)))


def test_five_records_of_a_container_are_posted_immediately_and_the_sixth_is_held(
    db: sqlite3.Connection,
) -> None:
    loop(db, 6)
    assert posted(db) == [(n, n + 1) for n in range(5)]
    assert outbox.outbox_counts(db) == OutboxCounts(
        held=1, held_kills=1, undeliverable=0, oldest=NOW
    )


def test_thousands_of_kills_of_one_container_are_a_handful_of_rows(db: sqlite3.Connection) -> None:
    loop(db, 3000)
    assert len(posted(db)) == 5
    assert outbox.outbox_counts(db) == OutboxCounts(
        held=1, held_kills=2995, undeliverable=0, oldest=NOW
    )


def test_held_records_are_released_as_one_record_when_they_are_due(
    db: sqlite3.Connection,
) -> None:
    loop(db, 50)
    fifth = NOW + 0.4
    assert intake.release(db, NOW + 30) == fifth + 60
    assert len(posted(db)) == 5
    assert intake.release(db, fifth + 60) is None
    assert posted(db)[5] == (5, 50)
    merged = outbox.load_rows(db, outbox.pending(db))[-1]
    assert merged.kill["kills"] == 45
    assert (merged.own_event, merged.event is not None) == (False, True)


def test_a_restart_does_not_reset_the_budget(tmp_path: Path, db: sqlite3.Connection) -> None:
    with db:
        loop(db, 6)
    db.close()
    again = connect(tmp_path / "s.sqlite")
    intake.enqueue(again, NOW + 1, [row(6, 7)])
    assert intake.release(again, NOW + 1) == NOW + 0.4 + 60
    assert (len(posted(again)), outbox.outbox_counts(again).held_kills) == (5, 2)
    again.close()


def test_a_new_record_does_not_overtake_held_ones(db: sqlite3.Connection) -> None:
    loop(db, 6)
    intake.enqueue(db, NOW + 100, [row(6, 7)])
    assert outbox.outbox_counts(db).held_kills == 2
    intake.release(db, NOW + 100)
    assert posted(db)[-1] == (5, 7)


def test_another_container_of_the_pod_has_its_own_budget(db: sqlite3.Connection) -> None:
    loop(db, 7)
    intake.enqueue(db, NOW + 1, [row(7, 9, "side"), row(9, 10)])
    assert posted(db)[-1] == (7, 9)
    assert outbox.outbox_counts(db) == OutboxCounts(2, 3, 0, oldest=NOW)


def test_records_of_two_containers_in_a_loop_are_merged_per_container(
    db: sqlite3.Connection,
) -> None:
    for n in range(200):
        intake.enqueue(db, NOW, [row(n, n + 1, ("app", "side")[n % 2])])
    assert outbox.outbox_counts(db) == OutboxCounts(2, 190, 0, oldest=NOW)
    intake.release(db, NOW + 60)
    assert posted(db)[-2:] == [(10, 105), (105, 200)]


def test_records_of_two_hundred_containers_are_posted_immediately(db: sqlite3.Connection) -> None:
    intake.enqueue(db, NOW, [row(0, 1, pod=f"pod-{n}") for n in range(200)])
    assert len(posted(db)) == 200


def test_a_node_has_a_budget_too(db: sqlite3.Connection) -> None:
    intake.enqueue(db, NOW, [row(0, 1, pod=f"pod-{n}") for n in range(310)])
    assert (len(posted(db)), outbox.outbox_counts(db).held) == (300, 10)
    assert intake.release(db, NOW) == NOW + 10
    intake.release(db, NOW + 50)
    assert len(posted(db)) == 305


def test_the_first_record_of_a_pod_does_not_wait_for_repeated_ones(db: sqlite3.Connection) -> None:
    for n in range(30):
        intake.enqueue(db, NOW, [row(n, n + 1, pod=f"pod-{n % 6}")])
    assert outbox.outbox_counts(db).held == 30 - 6 - 20
    intake.enqueue(db, NOW, [row(0, 1, pod="late")])
    assert len(posted(db)) == 27


def test_namespaces_take_turns(db: sqlite3.Connection) -> None:
    """A namespace in a storm has two held records; another namespace's one goes before both do."""
    intake.enqueue(db, NOW, [row(0, 1, pod=f"pod-{n}") for n in range(302)])
    intake.enqueue(db, NOW + 1, [row(0, 1, pod="alone", namespace="bank")])
    assert outbox.outbox_counts(db).held == 3
    intake.release(db, NOW + 10)
    intake.release(db, NOW + 20)
    assert db.execute("SELECT COUNT(*) FROM held WHERE name LIKE 'bank/%'").fetchone() == (0,)


FULL = Pressure(PressureLevel.FULL)


def test_under_pressure_one_record_is_posted_immediately_and_the_others_merge_without_details(
    db: sqlite3.Connection,
) -> None:
    for n in range(9):
        intake.enqueue(db, NOW, [row(n, n + 1, memory=True)], FULL)
    assert posted(db) == [(0, 1)]
    assert intake.release(db, NOW, FULL) == NOW + 6 * 3600
    intake.release(db, NOW + 6 * 3600, FULL)
    first, merged = outbox.load_rows(db, outbox.pending(db))
    assert (span(merged.kill), merged.kill["kills"]) == ((1, 9), 8)
    assert "samples" in first.kill["memory"]
    assert "samples" not in merged.kill["memory"]
    assert merged.kill["reducedBy"] == "ClusterFull"


def test_without_pressure_held_records_are_released_within_ten_minutes(
    db: sqlite3.Connection,
) -> None:
    for n in range(2):
        intake.enqueue(db, NOW, [row(n, n + 1)], FULL)
    assert intake.release(db, NOW + 60) == NOW + 600
    assert intake.release(db, NOW + 600) is None
    assert posted(db) == [(0, 1), (1, 2)]


def test_a_record_that_is_stored_already_stays_as_it_is(db: sqlite3.Connection) -> None:
    intake.enqueue(db, NOW, [row(0, 1)])
    intake.enqueue(db, NOW + 1, [row(0, 1)])
    assert posted(db) == [(0, 1)]


def test_fully_recovered_budgets_are_deleted(db: sqlite3.Connection) -> None:
    intake.enqueue(db, NOW, [row(0, 1, pod=f"pod-{n}") for n in range(9)])
    intake.enqueue(db, NOW + 12 * 3600, [row(0, 1, pod="late")])
    keys = {key for (key,) in db.execute("SELECT key FROM budgets")}
    assert keys == {"uid-late/app", "uid-late", "namespace:shop"}


def test_counts_are_of_kills_and_not_of_records(db: sqlite3.Connection) -> None:
    delivered, refused = row(0, 8, kills=7), row(8, 12, kills=3)
    intake.enqueue(db, NOW, [delivered, refused])
    assert outbox.remove_delivered(db, delivered, 7)
    assert not outbox.remove_delivered(db, delivered, 7)
    outbox.give_up(db, refused, "the namespace is gone")
    assert counts(db) == {"recorded": 7, "undeliverable": 3}
    assert outbox.pending(db) == []


def test_the_newest_undeliverable_records_are_kept(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "UNDELIVERABLE_KEPT", 3)
    for n in range(9):
        refused = row(0, 1, pod=f"pod-{n}")
        intake.enqueue(db, NOW + n, [refused])
        outbox.give_up(db, refused, "no" * 9999)
    kept = db.execute("SELECT created, LENGTH(reason) FROM outbox ORDER BY created").fetchall()
    assert kept == [(NOW + n, 1000) for n in (6, 7, 8)]
    assert counts(db) == {"undeliverable": 9}


def test_records_of_an_earlier_versions_outbox_are_delivered(tmp_path: Path) -> None:
    before = sqlite3.connect(tmp_path / "old.sqlite")
    before.executescript(OLD_SCHEMA)
    before.close()
    after = connect(tmp_path / "old.sqlite")
    (row,) = outbox.load_rows(after, outbox.pending(after))
    assert (row.key, row.kill["kills"], row.event, row.own_event) == ("shop/a", 2, None, True)
    loop(after, 7)
    assert outbox.outbox_counts(after).held == 1
    after.close()


def test_an_outage_of_days_does_not_fill_the_disk(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are held, where they merge; if they cannot, the oldest are dropped and counted."""
    monkeypatch.setattr(outbox_bounds, "MAX_PENDING", 4)
    monkeypatch.setattr(outbox_bounds, "MAX_HELD", 3)
    pods = [f"uid-{n}" for n in range(9)]
    for n, uid in enumerate(pods):
        intake.enqueue(db, NOW + n, [row(0, 1, pod=uid, at=NOW + n)])
    assert len(outbox.pending(db)) == 4
    assert outbox.outbox_counts(db).held == 3
    assert counts(db) == {"undeliverable": 2}
    assert intake.release(db, NOW + 100) == NOW + 100 + outbox_bounds.RETRY_SECONDS
    db.execute("DELETE FROM outbox")
    assert intake.release(db, NOW + 100) is None
    assert len(outbox.pending(db)) == 3
