"""How much the outbox may hold, so that an outage of days fills no disk, as SQL on the store.

While many records wait to be posted the others stay held, where they merge. Of what is held the
oldest goes when there is far too much of it; its kills are counted as undeliverable. Each kill
stands in the agent's log as well.
"""

import sqlite3

from oomwarden.agent.store.counters import add_count

MOST_PENDING = 5_000
MOST_HELD = 20_000
"""Of some 4 KiB each: 100 MiB together, which takes a storm over thousands of pods."""
LOOK_AGAIN_SECONDS = 10.0


def has_room(connection: sqlite3.Connection) -> bool:
    """Whether one more record may be made ready to be posted."""
    found = connection.execute("SELECT COUNT(*) FROM outbox WHERE state = 'Pending'").fetchone()
    return bool(found[0] < MOST_PENDING)


def drop_oldest_held(connection: sqlite3.Connection) -> None:
    """Give up the oldest held records beyond the bound, and count their kills."""
    (held,) = connection.execute("SELECT COUNT(*) FROM held").fetchone()
    if held <= MOST_HELD:
        return
    oldest = "SELECT name, kills FROM held ORDER BY created, rowid LIMIT ?"
    rows = connection.execute(oldest, (held - MOST_HELD,)).fetchall()
    connection.executemany("DELETE FROM held WHERE name = ?", [(name,) for name, _ in rows])
    add_count(connection, "undeliverable", sum(kills for _, kills in rows))
