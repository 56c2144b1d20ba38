"""The counts of OOMNode's `kills`, as SQL on the agent's store."""

import sqlite3


def add_count(connection: sqlite3.Connection, what: str, by: int) -> None:
    """Raise one of the counts."""
    if by <= 0:
        return
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = value + ?",
        (f"count.{what}", str(by), by),
    )


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Give the counts by name."""
    rows = connection.execute("SELECT key, value FROM meta WHERE key LIKE 'count.%'")
    return {key.removeprefix("count."): int(value) for key, value in rows}
