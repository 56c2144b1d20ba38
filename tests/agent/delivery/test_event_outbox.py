import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from oomwarden.agent.delivery import event_outbox
from oomwarden.agent.store.file import connect
from oomwarden.core.records.event_series import EventSeries
from oomwarden.core.records.outbox_row import OutboxRow

from tests.support.delivering import NOW, row


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "s.sqlite")
    yield connection
    connection.close()


def waiting(db: sqlite3.Connection) -> list[EventSeries]:
    return event_outbox.load(db, event_outbox.pending(db))


def later(start: int, end: int, kills: int = 1, seconds: float = 60) -> OutboxRow:
    return replace(row(start, end, kills=kills, at=NOW + seconds), own_event=False)


def test_a_record_has_an_event_of_its_own(db: sqlite3.Connection) -> None:
    for record in (row(0, 1), row(1, 2)):
        event_outbox.enqueue(db, record)
    assert [event.first for event in waiting(db)] == [row(0, 1).event, row(1, 2).event]


def test_a_later_record_raises_the_last_event_of_its_container(db: sqlite3.Connection) -> None:
    for record in (row(0, 1), row(1, 2), row(2, 3, "side"), later(3, 9, kills=5)):
        event_outbox.enqueue(db, record)
    counts = {event.first["metadata"]["name"]: event.count for event in waiting(db)}
    first, second, side = (row(n, n + 1).kill["metadata"]["name"] for n in range(3))
    assert counts == {first: 1, second: 6, side: 1}


def test_a_posted_event_is_not_posted_again_until_its_count_rises(db: sqlite3.Connection) -> None:
    event_outbox.enqueue(db, row(0, 1))
    (key,) = event_outbox.pending(db)
    event_outbox.record_posted(db, key, 1)
    assert waiting(db) == []
    event_outbox.enqueue(db, later(1, 4, kills=3))
    (event,) = waiting(db)
    assert (event.count, event.posted_count, event.latest) == (4, 1, later(1, 4).event)


def test_an_event_whose_count_rose_during_its_post_is_posted_again(db: sqlite3.Connection) -> None:
    event_outbox.enqueue(db, row(0, 1))
    (key,) = event_outbox.pending(db)
    event_outbox.enqueue(db, later(1, 2))
    event_outbox.record_posted(db, key, 1)
    assert [(event.count, event.posted_count) for event in waiting(db)] == [(2, 1)]


def test_an_event_that_the_api_server_deleted_is_replaced_by_one_of_the_last_record(
    db: sqlite3.Connection,
) -> None:
    event_outbox.enqueue(db, row(0, 1))
    (key,) = event_outbox.pending(db)
    event_outbox.record_posted(db, key, 1)
    event_outbox.enqueue(db, later(1, 4, kills=3))
    event_outbox.recreate(db, key)
    last = later(1, 4).event
    assert last is not None
    assert waiting(db) == [EventSeries(last, last, 3)]


def test_without_a_series_to_raise_a_later_record_has_an_event_of_its_own(
    db: sqlite3.Connection,
) -> None:
    event_outbox.enqueue(db, later(5, 9, kills=4))
    (event,) = waiting(db)
    assert event.manifest()["series"]["count"] == 4


def test_an_event_older_than_an_hour_is_never_sent(db: sqlite3.Connection) -> None:
    event_outbox.enqueue(db, row(0, 1))
    event_outbox.drop_expired(db, NOW + 3600)
    assert len(waiting(db)) == 1
    event_outbox.drop_expired(db, NOW + 3601)
    assert waiting(db) == []


def test_only_the_last_posted_event_of_a_container_is_kept(db: sqlite3.Connection) -> None:
    for n in range(3):
        event_outbox.enqueue(db, row(n, n + 1))
    for key in event_outbox.pending(db):
        event_outbox.record_posted(db, key, 1)
    assert db.execute("SELECT COUNT(*) FROM events").fetchone() == (1,)


def test_a_record_without_an_event_changes_no_series(db: sqlite3.Connection) -> None:
    event_outbox.enqueue(db, row(0, 1))
    event_outbox.enqueue(db, replace(row(1, 2), event=None, own_event=False))
    assert [event.count for event in waiting(db)] == [1]
