"""Records that the API server refuses, in the agent's store."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from oomwarden.agent.delivery import intake, outbox, refusals
from oomwarden.agent.delivery.outbox import OutboxCounts
from oomwarden.agent.store.counters import counts
from oomwarden.agent.store.file import connect
from oomwarden.core.records.outbox_row import OutboxRow, row_key

from tests.support.delivering import NOW, row, span


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "s.sqlite")
    yield connection
    connection.close()


def refuse(db: sqlite3.Connection, *rows: OutboxRow) -> None:
    for one in rows:
        intake.enqueue(db, NOW, [one])
    refusals.record(db, {one.key: f"422 of {one.key}" for one in rows})


def test_a_refused_record_is_queued_behind_the_others(db: sqlite3.Connection) -> None:
    refused, fresh = row(0, 1, pod="a"), row(0, 1, pod="b")
    refuse(db, refused)
    intake.enqueue(db, NOW + 1, [fresh])
    assert outbox.pending(db) == [fresh.key, refused.key]
    numbers = outbox.outbox_counts(db)
    assert (numbers.refused, numbers.refusal_reason) == (1, f"422 of {refused.key}")
    assert outbox.remove_delivered(db, refused, 1)
    assert outbox.outbox_counts(db) == OutboxCounts(0, 0, 0, oldest=NOW + 1)


def test_refused_records_are_bounded_in_number_and_age_and_dropped_ones_are_counted(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MAX_REFUSED", 3)
    rows = [row(0, 4, pod=f"p{n}", kills=2) for n in range(5)]
    refuse(db, *rows)
    assert len(refusals.drop_excess(db, NOW)) == 2
    assert outbox.pending(db) == [one.key for one in rows[2:]]
    assert counts(db) == {"undeliverable": 4}
    (line, *_) = refusals.drop_excess(db, NOW + refusals.MAX_AGE_SECONDS + 1)
    assert f"422 of {rows[2].key}" in line
    assert counts(db) == {"undeliverable": 10}
    assert outbox.pending(db) == []


def test_records_that_an_earlier_version_gave_up_are_retried_once_unless_their_namespace_is_gone(
    db: sqlite3.Connection,
) -> None:
    reasons = {
        "long": '422 Invalid: metadata.labels: Invalid value: "a": must be no more than 63 bytes',
        "taken": "an OOMKill of another counter is called taken-1",
        "full": "403 Forbidden: exceeded quota: objects; for 3600 s",
        "gone": '404 NotFound: namespaces "shop" not found',
        "going": "403 Forbidden: unable to create new content: it is being terminated",
    }
    rows = {name: row(0, 4, pod=name, kills=3) for name in reasons}
    for name, one in rows.items():
        intake.enqueue(db, NOW, [one])
        outbox.give_up(db, one, reasons[name])
    assert refusals.retry_after_upgrade(db, "0.2") == 3
    assert set(outbox.pending(db)) == {rows[name].key for name in ("long", "taken", "full")}
    assert counts(db) == {"undeliverable": 6}
    outbox.give_up(db, rows["long"], reasons["long"])
    assert refusals.retry_after_upgrade(db, "0.2") == 0
    assert refusals.retry_after_upgrade(db, "0.3") == 1


def test_a_record_of_an_earlier_version_gets_labels_that_are_valid(db: sqlite3.Connection) -> None:
    old = row(0, 1)
    old.kill["node"] = "worker." + "a" * 60
    old.kill["metadata"]["labels"] = {"oomwarden.io/node": old.kill["node"]}
    intake.enqueue(db, NOW, [old])
    (loaded,) = outbox.load_rows(db, [old.key])
    assert loaded.kill["metadata"] == old.kill["metadata"] | {
        "labels": {
            "oomwarden.io/node": f"worker.{'a' * 47}-5c04bdf1",
            "oomwarden.io/pod-uid": "uid-api",
            "oomwarden.io/cause": "ContainerLimit",
        }
    }


def test_a_renamed_record_keeps_its_range_and_is_found_after_a_restart(
    db: sqlite3.Connection,
) -> None:
    taken = row(3, 5)
    intake.enqueue(db, NOW, [taken])
    outbox.rename(db, taken, "salt")
    (key,) = outbox.pending(db)
    (loaded,) = outbox.load_rows(db, [key])
    assert key == loaded.key == row_key(loaded.kill) != taken.key
    assert (span(loaded.kill), loaded.renamed, loaded.own_event) == ((3, 5), 1, True)
    assert loaded.event is not None
    assert loaded.event["metadata"]["name"] == loaded.kill["metadata"]["name"]
