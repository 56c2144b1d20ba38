import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oomwarden.agent.delivery import intake, outbox, outbox_bounds
from oomwarden.agent.delivery.outbox import OutboxCounts, OutboxRow
from oomwarden.agent.store.counters import counts
from oomwarden.agent.store.file import connect
from oomwarden.core.quota.pressure import Pressure, PressureLevel

from tests.support.delivering import NOW, row, span

OLD_SCHEMA = """
CREATE TABLE outbox (
  name TEXT PRIMARY KEY, namespace TEXT, pod_uid TEXT, created REAL NOT NULL,
  body TEXT NOT NULL, state TEXT NOT NULL, reason TEXT) STRICT;
INSERT INTO outbox VALUES ('shop/a', 'shop', 'u', 1.0, '{"kill": {"kills": 2}, "event": null}',
  'Pending', NULL);
"""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "s.sqlite")
    yield connection
    connection.close()


def loop(db: sqlite3.Connection, kills: int, every: float = 0.1, **how: Any) -> None:  # noqa: ANN401
    """Let one container lose a process every so many seconds."""
    for n in range(kills):
        intake.enqueue(db, NOW + n * every, [row(n, n + 1, at=NOW + n * every, **how)])


def posted(db: sqlite3.Connection) -> list[tuple[int, int]]:
    return sorted(span(one.kill) for one in outbox.load_rows(db, outbox.pending(db)))


def test_five_records_of_a_container_are_posted_at_once_and_the_sixth_is_held(
    db: sqlite3.Connection,
) -> None:
    loop(db, 6)
    assert posted(db) == [(n, n + 1) for n in range(5)]
    assert outbox.numbers(db) == OutboxCounts(held=1, held_kills=1, undeliverable=0)


def test_thousands_of_kills_of_one_container_are_a_handful_of_rows(db: sqlite3.Connection) -> None:
    loop(db, 3000)
    assert len(posted(db)) == 5
    assert outbox.numbers(db) == OutboxCounts(held=1, held_kills=2995, undeliverable=0)


def test_what_was_held_is_released_as_one_record_when_its_time_comes(
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


def test_a_restart_is_no_new_allowance(tmp_path: Path, db: sqlite3.Connection) -> None:
    with db:
        loop(db, 6)
    db.close()
    again = connect(tmp_path / "s.sqlite")
    intake.enqueue(again, NOW + 1, [row(6, 7)])
    assert intake.release(again, NOW + 1) == NOW + 0.4 + 60
    assert (len(posted(again)), outbox.numbers(again).held_kills) == (5, 2)
    again.close()


def test_what_a_new_kill_finds_held_is_not_overtaken(db: sqlite3.Connection) -> None:
    loop(db, 6)
    intake.enqueue(db, NOW + 100, [row(6, 7)])
    assert outbox.numbers(db).held_kills == 2
    intake.release(db, NOW + 100)
    assert posted(db)[-1] == (5, 7)


def test_another_container_of_the_pod_has_a_budget_of_its_own(db: sqlite3.Connection) -> None:
    loop(db, 7)
    intake.enqueue(db, NOW + 1, [row(7, 9, "side"), row(9, 10)])
    assert posted(db)[-1] == (7, 9)
    assert outbox.numbers(db) == OutboxCounts(2, 3, 0)


def test_two_containers_in_a_loop_are_laid_out_one_after_the_other(db: sqlite3.Connection) -> None:
    for n in range(200):
        intake.enqueue(db, NOW, [row(n, n + 1, ("app", "side")[n % 2])])
    assert outbox.numbers(db) == OutboxCounts(2, 190, 0)
    intake.release(db, NOW + 60)
    assert posted(db)[-2:] == [(10, 105), (105, 200)]


def test_two_hundred_containers_at_once_wait_for_nothing(db: sqlite3.Connection) -> None:
    intake.enqueue(db, NOW, [row(0, 1, pod=f"pod-{n}") for n in range(200)])
    assert len(posted(db)) == 200


def test_a_node_has_a_budget_too(db: sqlite3.Connection) -> None:
    intake.enqueue(db, NOW, [row(0, 1, pod=f"pod-{n}") for n in range(310)])
    assert (len(posted(db)), outbox.numbers(db).held) == (300, 10)
    assert intake.release(db, NOW) == NOW + 10
    intake.release(db, NOW + 50)
    assert len(posted(db)) == 305


def test_the_first_record_of_a_pod_waits_for_no_repetitions(db: sqlite3.Connection) -> None:
    for n in range(30):
        intake.enqueue(db, NOW, [row(n, n + 1, pod=f"pod-{n % 6}")])
    assert outbox.numbers(db).held == 30 - 6 - 20
    intake.enqueue(db, NOW, [row(0, 1, pod="late")])
    assert len(posted(db)) == 27


def test_namespaces_take_turns(db: sqlite3.Connection) -> None:
    """One namespace's storm was first, and holds two; another's one is not behind both."""
    intake.enqueue(db, NOW, [row(0, 1, pod=f"pod-{n}") for n in range(302)])
    intake.enqueue(db, NOW + 1, [row(0, 1, pod="alone", namespace="bank")])
    assert outbox.numbers(db).held == 3
    intake.release(db, NOW + 10)
    intake.release(db, NOW + 20)
    assert db.execute("SELECT COUNT(*) FROM held WHERE name LIKE 'bank/%'").fetchone() == (0,)


FULL = Pressure(PressureLevel.FULL)


def test_under_pressure_one_goes_at_once_and_the_others_become_one_that_tells_less(
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


def test_without_pressure_what_was_held_goes_within_ten_minutes(
    db: sqlite3.Connection,
) -> None:
    for n in range(2):
        intake.enqueue(db, NOW, [row(n, n + 1)], FULL)
    assert intake.release(db, NOW + 60) == NOW + 600
    assert intake.release(db, NOW + 600) is None
    assert posted(db) == [(0, 1), (1, 2)]


def test_a_record_that_is_there_already_stays_as_it_is(db: sqlite3.Connection) -> None:
    intake.enqueue(db, NOW, [row(0, 1)])
    intake.enqueue(db, NOW + 1, [row(0, 1)])
    assert posted(db) == [(0, 1)]


def test_budgets_that_are_as_good_as_new_are_forgotten(db: sqlite3.Connection) -> None:
    intake.enqueue(db, NOW, [row(0, 1, pod=f"pod-{n}") for n in range(9)])
    intake.enqueue(db, NOW + 12 * 3600, [row(0, 1, pod="late")])
    keys = {key for (key,) in db.execute("SELECT key FROM budgets")}
    assert keys == {"uid-late/app", "uid-late", "namespace:shop"}


def test_kills_are_counted_not_records(db: sqlite3.Connection) -> None:
    told, refused = row(0, 8, kills=7), row(8, 12, kills=3)
    intake.enqueue(db, NOW, [told, refused])
    assert outbox.take_out(db, told, 7)
    assert not outbox.take_out(db, told, 7)
    outbox.give_up(db, refused, "the namespace is gone")
    assert counts(db) == {"recorded": 7, "undeliverable": 3}
    assert outbox.pending(db) == []


def test_of_what_is_undeliverable_the_newest_thousand_are_kept(
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


def test_an_outbox_of_an_earlier_version_is_delivered_from(tmp_path: Path) -> None:
    before = sqlite3.connect(tmp_path / "old.sqlite")
    before.executescript(OLD_SCHEMA)
    before.close()
    after = connect(tmp_path / "old.sqlite")
    assert outbox.load_rows(after, outbox.pending(after)) == [
        OutboxRow("shop/a", {"kills": 2}, None, own_event=True)
    ]
    loop(after, 7)
    assert outbox.numbers(after).held == 1
    after.close()


def test_an_outage_of_days_does_not_fill_the_disk(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records wait where they merge, and of what cannot merge the oldest goes and is counted."""
    monkeypatch.setattr(outbox_bounds, "MOST_PENDING", 4)
    monkeypatch.setattr(outbox_bounds, "MOST_HELD", 3)
    pods = [f"uid-{n}" for n in range(9)]
    for n, uid in enumerate(pods):
        intake.enqueue(db, NOW + n, [row(0, 1, pod=uid, at=NOW + n)])
    assert len(outbox.pending(db)) == 4
    assert outbox.numbers(db).held == 3
    assert counts(db) == {"undeliverable": 2}
    assert intake.release(db, NOW + 100) == NOW + 100 + outbox_bounds.LOOK_AGAIN_SECONDS
    db.execute("DELETE FROM outbox")
    assert intake.release(db, NOW + 100) is None
    assert len(outbox.pending(db)) == 3
