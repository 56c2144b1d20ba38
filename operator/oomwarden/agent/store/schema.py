"""The store's tables. The file of another release may have other tables.

Columns that this release does not know are dropped. If a table lacks a column that this release
needs, the file cannot be used.
"""

import sqlite3
from contextlib import closing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS checkpoints (
  boot_id TEXT NOT NULL, inode INTEGER NOT NULL, epoch INTEGER NOT NULL, path TEXT NOT NULL,
  level TEXT NOT NULL, pod_uid TEXT, container_id TEXT, name TEXT, raw TEXT NOT NULL,
  PRIMARY KEY (boot_id, inode)) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
  name TEXT PRIMARY KEY, namespace TEXT, pod_uid TEXT, created REAL NOT NULL,
  body TEXT NOT NULL, state TEXT NOT NULL, reason TEXT) STRICT;
CREATE INDEX IF NOT EXISTS outbox_by_state ON outbox (state, created);
CREATE TABLE IF NOT EXISTS held (
  name TEXT PRIMARY KEY, account TEXT NOT NULL, budget TEXT NOT NULL, created REAL NOT NULL,
  kills INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS held_by_account ON held (account);
CREATE INDEX IF NOT EXISTS held_by_budget ON held (budget);
CREATE TABLE IF NOT EXISTS budgets (
  key TEXT PRIMARY KEY, free INTEGER NOT NULL, wait REAL NOT NULL, last REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS events (
  name TEXT PRIMARY KEY, series TEXT NOT NULL, seen REAL NOT NULL, count INTEGER NOT NULL,
  told INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS events_by_series ON events (series);
CREATE TABLE IF NOT EXISTS pods (
  cgroup_uid TEXT PRIMARY KEY, boot_id TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS kill_counts (
  metric TEXT NOT NULL, labels TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (metric, labels)) STRICT;
CREATE TABLE IF NOT EXISTS baselines (
  boot_id TEXT NOT NULL, inode INTEGER NOT NULL, container_id TEXT NOT NULL,
  baseline INTEGER, ours TEXT NOT NULL, PRIMARY KEY (boot_id, inode)) STRICT;
CREATE TABLE IF NOT EXISTS group_kills (
  boot_id TEXT NOT NULL, inode INTEGER NOT NULL, container_id TEXT NOT NULL,
  found INTEGER NOT NULL, PRIMARY KEY (boot_id, inode)) STRICT;
CREATE TABLE IF NOT EXISTS own_scores (
  boot_id TEXT NOT NULL, inode INTEGER NOT NULL, container_id TEXT NOT NULL,
  scores TEXT NOT NULL, PRIMARY KEY (boot_id, inode)) STRICT;
CREATE TABLE IF NOT EXISTS followed_scores (
  boot_id TEXT NOT NULL, inode INTEGER NOT NULL, container_id TEXT NOT NULL,
  PRIMARY KEY (boot_id, inode)) STRICT;
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Create missing tables, and convert those of another release.

    Raises:
        sqlite3.DatabaseError: a table lacks a column.
    """
    connection.executescript(_SCHEMA)
    with closing(sqlite3.connect(":memory:")) as model:
        model.executescript(_SCHEMA)
        different = [
            table
            for table in _names(model)
            if _columns(connection, table) != _columns(model, table)
        ]
        for table in different:
            _rebuild(connection, model, table)


def damage_error(text: str) -> sqlite3.DatabaseError:
    """Return the error of a file with content that the agent cannot parse."""
    error = sqlite3.DatabaseError(text)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _names(model: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    return [name for (name,) in model.execute(query)]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    query = "SELECT name FROM pragma_table_info(?) ORDER BY cid"
    return [name for (name,) in connection.execute(query, (table,))]


def _rebuild(connection: sqlite3.Connection, model: sqlite3.Connection, table: str) -> None:
    """Copy the known columns, in the order of the rows, into a table of this release."""
    known = _columns(model, table)
    missing = ", ".join(each for each in known if each not in _columns(connection, table))
    if missing:
        raise damage_error(f"another release wrote it: {table} has no {missing}")
    query = "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY rowid"
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        rows = connection.execute(
            f"SELECT {', '.join(known)} FROM {table} ORDER BY rowid"  # noqa: S608 - of our schema
        ).fetchall()
        connection.execute(f"DROP TABLE {table}")
        for (statement,) in model.execute(query, (table,)):
            connection.execute(statement)
        marks = ", ".join("?" for _ in known)
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
