"""Events on their way to the API server, as SQL on the agent's store.

An Event comes in when its record is in the API, so that none of its troubles touches the record.
It stays for an hour after its last kill: as long as the API server keeps it, later records raise
its series. What is still untold then is never sent.
"""

import json
import sqlite3

from oomwarden.agent.delivery.outbox import OutboxRow, budget_of, key_of
from oomwarden.core.records.event import EVENT_MAX_AGE_SECONDS
from oomwarden.core.records.event_series import EventSeries


def tell(connection: sqlite3.Connection, row: OutboxRow) -> None:
    """Let an Event stand for a record that is in the API now: its own, or the last one's series."""
    if row.event is None:
        return
    series, kills = budget_of(row.kill), row.kill["kills"]
    last = connection.execute(
        "SELECT name FROM events WHERE series = ? ORDER BY rowid DESC LIMIT 1", (series,)
    ).fetchone()
    if last is None or row.own_event:
        _write(connection, series, EventSeries(row.event, row.event, kills))
        return
    (raised,) = load(connection, [last[0]])
    _write(connection, series, raised.raised(row.event, kills))


def pending(connection: sqlite3.Connection) -> list[str]:
    """List the keys of the Events that the API server does not show as they are, oldest first."""
    rows = connection.execute("SELECT name FROM events WHERE told < count ORDER BY rowid")
    return [key for (key,) in rows]


def load(connection: sqlite3.Connection, keys: list[str]) -> list[EventSeries]:
    """Read these Events, in this order."""
    select = "SELECT body, count, told FROM events WHERE name = ?"
    rows = [connection.execute(select, (key,)).fetchone() for key in keys]
    bodies = [json.loads(row[0]) for row in rows]
    return [
        EventSeries(body["first"], body["latest"] or body["first"], *row[1:])
        for body, row in zip(bodies, rows, strict=True)
    ]


def told(connection: sqlite3.Connection, key: str, count: int) -> None:
    """Note up to which count the API server shows an Event, or will never show it."""
    connection.execute("UPDATE events SET told = MAX(told, ?) WHERE name = ?", (count, key))
    connection.execute(
        "DELETE FROM events WHERE name = ? AND told = count AND EXISTS (SELECT 1 FROM events AS "
        "later WHERE later.series = events.series AND later.rowid > events.rowid)",
        (key,),
    )


def renew(connection: sqlite3.Connection, key: str) -> None:
    """Begin a new Event in place of one that the API server has forgotten."""
    (forgotten,) = load(connection, [key])
    gone = connection.execute("DELETE FROM events WHERE name = ? RETURNING series", (key,))
    (series,) = gone.fetchone()
    _write(connection, series, forgotten.renewed())


def rename(connection: sqlite3.Connection, key: str, salt: str) -> None:
    """Begin a new Event under another name, as somebody else's Event has its own.

    `salt` must be nothing that others can foresee, or they take the next name too.
    """
    (taken,) = load(connection, [key])
    gone = connection.execute("DELETE FROM events WHERE name = ? RETURNING series", (key,))
    (series,) = gone.fetchone()
    _write(connection, series, taken.under(salt))


def forget_old(connection: sqlite3.Connection, now: float) -> None:
    """Drop Events whose last kill is older than any Event may be."""
    connection.execute("DELETE FROM events WHERE seen < ?", (now - EVENT_MAX_AGE_SECONDS,))


def _write(connection: sqlite3.Connection, series: str, event: EventSeries) -> None:
    latest = None if event.latest == event.first else event.latest
    body = json.dumps({"first": event.first, "latest": latest})
    connection.execute(
        "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?)",
        (key_of(event.first), series, event.seen, event.count, event.posted_count, body),
    )
