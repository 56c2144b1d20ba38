"""The counters behind `kills` in the status of OOMNode, as SQL on the agent's store."""

import sqlite3


def add_count(connection: sqlite3.Connection, what: str, by: int) -> None:
    """Increase a counter; `by` may be 0."""
    if by <= 0:
        return
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = value + ?",
        (f"count.{what}", str(by), by),
    )


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the counters by name."""
    rows = connection.execute("SELECT key, value FROM meta WHERE key LIKE 'count.%'")
    return {key.removeprefix("count."): int(value) for key, value in rows}
