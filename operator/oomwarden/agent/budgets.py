"""Budgets that outlive the agent, as SQL on its store: a restart is no new allowance."""

import json
import sqlite3
from dataclasses import astuple

from oomwarden.core.budget import QUIET_SECONDS, Bucket, Budget

_BUCKET = "node_bucket"


def due(connection: sqlite3.Connection, key: str, now: float) -> float:
    """Tell when a container's next record may go: now, or later (wall-clock seconds)."""
    return max(_budget(connection, key).due(now), _bucket(connection).due(now))


def spend(connection: sqlite3.Connection, key: str, now: float) -> bool:
    """Take a record's share, which must be due; tells whether it was one of the free ones."""
    budget = _budget(connection, key)
    after = budget.spend(now)
    connection.execute(
        "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?)",
        (key, after.free, after.wait, after.last),
    )
    bucket = _bucket(connection).spend(now)
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES (?, ?)", (_BUCKET, json.dumps(astuple(bucket)))
    )
    return budget.at(now).free > 0


def forget_quiet(connection: sqlite3.Connection, now: float) -> None:
    """Drop the budgets that are as good as new."""
    connection.execute("DELETE FROM budgets WHERE last <= ?", (now - QUIET_SECONDS,))


def _budget(connection: sqlite3.Connection, key: str) -> Budget:
    found = connection.execute("SELECT free, wait, last FROM budgets WHERE key = ?", (key,))
    row = found.fetchone()
    return Budget(*row) if row else Budget()


def _bucket(connection: sqlite3.Connection) -> Bucket:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_BUCKET,)).fetchone()
    return Bucket(*json.loads(row[0])) if row else Bucket()
