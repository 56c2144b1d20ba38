"""The line of a kill is on the agent's log before anything else is done with the kill."""

import logging
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from oomwarden.agent.recording.kill_log import KillLog
from oomwarden.core.records import event
from oomwarden.core.records.outbox_row import OutboxRow
from oomwarden.log_output.handler import KILLS

from tests.support.kill_objects import oomkill
from tests.support.recorder_node import RecorderNode


class KillLines(logging.Handler):
    """Keeps the lines of kills, and how many records were stored when each was written."""

    def __init__(self, books: RecorderNode) -> None:
        super().__init__()
        self.books = books
        self.seen: list[tuple[logging.LogRecord, int]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((record, stored_records(self.books)))


def stored_records(books: RecorderNode) -> int:
    """Count on a connection of its own, which sees only what is committed."""
    connection = sqlite3.connect(books.path)
    try:
        return int(connection.execute("SELECT COUNT(*) FROM outbox").fetchone()[0])
    finally:
        connection.close()


@pytest.fixture
def lines(books: RecorderNode) -> Iterator[KillLines]:
    handler = KillLines(books)
    logging.getLogger(KILLS).addHandler(handler)
    yield handler
    logging.getLogger(KILLS).removeHandler(handler)


async def test_a_kill_is_on_the_log_before_it_is_stored(
    books: RecorderNode, lines: KillLines
) -> None:
    _, app = books.start_pod(1, app="a")
    async with books.agent() as rows:
        books.cgroups.group_kill(app)
        (row,) = await rows(1)
    ((record, stored),) = lines.seen
    assert stored == 0
    assert stored_records(books) == 1
    keys: dict[str, Any] = record.__dict__["about"]
    assert keys["oomkill"] == row.kill
    assert record.getMessage().startswith("pod shop/pod-1, container app: ")


def test_a_record_that_could_not_be_stored_has_one_line_however_often_it_is_tried(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event, "note", lambda _: "killed")
    log, row, incident = KillLog(), OutboxRow(oomkill(), None), object()
    log.write([incident], [row])  # type: ignore[list-item]
    log.write([incident], [row])  # type: ignore[list-item]
    assert len(caplog.records) == 1
    log.saved()
    log.write([incident], [row])  # type: ignore[list-item]
    assert len(caplog.records) == 2
