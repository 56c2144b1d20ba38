"""The outbox of Events, as SQL on the agent's store.

An Event is added when its record is in the API, so that a failure of the Event never affects the
record. It stays for an hour after its last kill, as long as the API server keeps it: later records
raise the count of its series. What is not posted by then is never sent.
"""

import json
import sqlite3

from oomwarden.agent.delivery.outbox import budget_key
from oomwarden.core.records.event import EVENT_MAX_AGE_SECONDS
from oomwarden.core.records.event_series import EventSeries
from oomwarden.core.records.outbox_row import OutboxRow, row_key


def enqueue(connection: sqlite3.Connection, row: OutboxRow) -> None:
    """Add the Event of a record that is in the API now, or raise the count of the last series."""
    if row.event is None:
        return
    series, kills = budget_key(row.kill), row.kill["kills"]
    last = connection.execute(
        "SELECT name FROM events WHERE series = ? ORDER BY rowid DESC LIMIT 1", (series,)
    ).fetchone()
    if last is None or row.own_event:
        _write(connection, series, EventSeries(row.event, row.event, kills))
        return
    (raised,) = load(connection, [last[0]])
    _write(connection, series, raised.with_kills(row.event, kills))


def pending(connection: sqlite3.Connection) -> list[str]:
    """Return the keys of the Events whose count is not posted yet, oldest first."""
    rows = connection.execute("SELECT name FROM events WHERE told < count ORDER BY rowid")
    return [key for (key,) in rows]


def load(connection: sqlite3.Connection, keys: list[str]) -> list[EventSeries]:
    """Return these Events, in this order."""
    select = "SELECT body, count, told FROM events WHERE name = ?"
    rows = [connection.execute(select, (key,)).fetchone() for key in keys]
    bodies = [json.loads(row[0]) for row in rows]
    return [
        EventSeries(body["first"], body["latest"] or body["first"], *row[1:])
        for body, row in zip(bodies, rows, strict=True)
    ]


def record_posted(connection: sqlite3.Connection, key: str, count: int) -> None:
    """Record up to which count an Event was posted, or will never be posted."""
    connection.execute("UPDATE events SET told = MAX(told, ?) WHERE name = ?", (count, key))
    connection.execute(
        "DELETE FROM events WHERE name = ? AND told = count AND EXISTS (SELECT 1 FROM events AS "
        "later WHERE later.series = events.series AND later.rowid > events.rowid)",
        (key,),
    )


def recreate(connection: sqlite3.Connection, key: str) -> None:
    """Replace an Event that the API server has deleted with a new one."""
    (expired,) = load(connection, [key])
    removed = connection.execute("DELETE FROM events WHERE name = ? RETURNING series", (key,))
    (series,) = removed.fetchone()
    _write(connection, series, expired.restarted())


def rename(connection: sqlite3.Connection, key: str, salt: str) -> None:
    """Give an Event another name, because another program's Event has its name.

    Args:
        connection: The store.
        key: The Event's row.
        salt: Must be unpredictable, or another program could create the new name first.
    """
    (event,) = load(connection, [key])
    removed = connection.execute("DELETE FROM events WHERE name = ? RETURNING series", (key,))
    (series,) = removed.fetchone()
    _write(connection, series, event.with_salt(salt))


def drop_expired(connection: sqlite3.Connection, now: float) -> None:
    """Delete the Events whose last kill is older than EVENT_MAX_AGE_SECONDS."""
    connection.execute("DELETE FROM events WHERE seen < ?", (now - EVENT_MAX_AGE_SECONDS,))


def _write(connection: sqlite3.Connection, series: str, event: EventSeries) -> None:
    latest = None if event.latest == event.first else event.latest
    body = json.dumps({"first": event.first, "latest": latest})
    connection.execute(
        "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?)",
        (row_key(event.first), series, event.last_observed, event.count, event.posted_count, body),
    )
