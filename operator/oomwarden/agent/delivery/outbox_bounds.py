"""Bounds of the outbox, so that an outage of days does not fill the disk, as SQL on the store.

While many records are pending, the others stay held, where they merge. If too many are held, the
oldest are deleted and their kills counted as undeliverable. Each kill is in the agent's log, too.
"""

import sqlite3

from oomwarden.agent.store.counters import add_count

MAX_PENDING = 5_000
MAX_HELD = 20_000
"""At some 4 KiB each, all rows take 100 MiB: only a storm over thousands of pods gets there."""
RETRY_SECONDS = 10.0


def has_room(connection: sqlite3.Connection) -> bool:
    """Return whether one more record may become pending."""
    found = connection.execute("SELECT COUNT(*) FROM outbox WHERE state = 'Pending'").fetchone()
    return bool(found[0] < MAX_PENDING)


def drop_oldest_held(connection: sqlite3.Connection) -> None:
    """Delete the oldest held records beyond the bound and count their kills as undeliverable."""
    (held,) = connection.execute("SELECT COUNT(*) FROM held").fetchone()
    if held <= MAX_HELD:
        return
    oldest = "SELECT name, kills FROM held ORDER BY created, rowid LIMIT ?"
    rows = connection.execute(oldest, (held - MAX_HELD,)).fetchall()
    connection.executemany("DELETE FROM held WHERE name = ?", [(name,) for name, _ in rows])
    add_count(connection, "undeliverable", sum(kills for _, kills in rows))
