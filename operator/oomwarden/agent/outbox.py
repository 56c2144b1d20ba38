"""The outbox: records on their way to the API server, as SQL on the agent's store."""

import json
import sqlite3
from dataclasses import dataclass

from oomwarden.agent.counts import add_count
from oomwarden.core.record import Manifest


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One record on its way: the OOMKill, and the Event where it is young enough."""

    key: str
    kill: Manifest
    event: Manifest | None


def enqueue(connection: sqlite3.Connection, now: float, rows: list[OutboxRow]) -> None:
    """Add records; one that is there already (a crash between) stays as it is."""
    connection.executemany(
        "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, 'Pending', NULL)",
        [_outbox_row(now, row) for row in rows],
    )


def _outbox_row(now: float, row: OutboxRow) -> tuple[object, ...]:
    body = json.dumps({"kill": row.kill, "event": row.event})
    return (row.key, row.kill["metadata"]["namespace"], row.kill["pod"]["uid"], now, body)


def pending(connection: sqlite3.Connection) -> list[str]:
    """List the keys of the records that are not in the API yet, the oldest first."""
    rows = connection.execute(
        "SELECT name FROM outbox WHERE state = 'Pending' ORDER BY created, name"
    )
    return [key for (key,) in rows]


def load_rows(connection: sqlite3.Connection, keys: list[str]) -> list[OutboxRow]:
    """Read these records, in this order."""
    found = [connection.execute("SELECT body FROM outbox WHERE name = ?", (k,)) for k in keys]
    bodies = [json.loads(cursor.fetchone()[0]) for cursor in found]
    return [OutboxRow(k, b["kill"], b["event"]) for k, b in zip(keys, bodies, strict=True)]


def finish(connection: sqlite3.Connection, key: str, undeliverable: str | None = None) -> None:
    """Take a record out: delivered, or undeliverable for a stated reason, which is counted."""
    if undeliverable is None:
        connection.execute("DELETE FROM outbox WHERE name = ?", (key,))
        add_count(connection, "recorded", 1)
        return
    connection.execute(
        "UPDATE outbox SET state = 'Undeliverable', reason = ? WHERE name = ?", (undeliverable, key)
    )
    add_count(connection, "undeliverable", 1)
