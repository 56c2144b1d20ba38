"""Checkpoints of the ledger and the outbox's rows, as SQL on the agent's store."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from oomwarden.core.accounts import Tally
from oomwarden.core.facts import Cgroup, Level
from oomwarden.core.record import Manifest


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was booked of a cgroup when it was last saved, and the container's name if known."""

    cgroup: Cgroup
    epoch: int
    booked: Tally
    name: str | None


def load(connection: sqlite3.Connection, boot_id: str) -> dict[int, Checkpoint]:
    """Read this boot's checkpoints by cgroup inode; those of other boots are dropped."""
    connection.execute("DELETE FROM checkpoints WHERE boot_id <> ?", (boot_id,))
    rows = connection.execute(
        "SELECT inode, path, level, pod_uid, container_id, epoch, raw, name FROM checkpoints"
    )
    return {row[0]: _checkpoint(*row) for row in rows}


def _checkpoint(*row: Any) -> Checkpoint:  # noqa: ANN401 - SQLite's values are of any type
    inode, path, level, pod_uid, container_id, epoch, raw, name = row
    cgroup = Cgroup(inode, path, Level(level), pod_uid, container_id)
    return Checkpoint(cgroup, epoch, Tally(**json.loads(raw)), name)


def save(connection: sqlite3.Connection, boot_id: str, known: list[Checkpoint]) -> None:
    """Write checkpoints."""
    connection.executemany(
        "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_row(boot_id, one) for one in known],
    )


def _row(boot_id: str, known: Checkpoint) -> tuple[object, ...]:
    cgroup, raw = known.cgroup, json.dumps(asdict(known.booked))
    where = (cgroup.path, str(cgroup.level), cgroup.pod_uid, cgroup.container_id)
    return (boot_id, cgroup.inode, known.epoch, *where, known.name, raw)


def forget(connection: sqlite3.Connection, boot_id: str, inodes: list[int]) -> None:
    """Drop checkpoints of cgroups that are gone and settled."""
    connection.executemany(
        "DELETE FROM checkpoints WHERE boot_id = ? AND inode = ?",
        [(boot_id, inode) for inode in inodes],
    )


def log_position(connection: sqlite3.Connection, boot_id: str) -> float | None:
    """Give the stamp up to which kills of this boot's kernel log were told; None: not known."""
    key = f"log.{boot_id}"
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return float(row[0]) if row else None


def save_log_position(connection: sqlite3.Connection, boot_id: str, stamp: float) -> None:
    """Keep the stamp; those of other boots go."""
    connection.execute("DELETE FROM meta WHERE key LIKE 'log.%'")
    connection.execute("INSERT INTO meta VALUES (?, ?)", (f"log.{boot_id}", str(stamp)))


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
        _count(connection, "recorded")
        return
    connection.execute(
        "UPDATE outbox SET state = 'Undeliverable', reason = ? WHERE name = ?", (undeliverable, key)
    )
    _count(connection, "undeliverable")


def _count(connection: sqlite3.Connection, what: str, by: int = 1) -> None:
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = value + ?",
        (f"count.{what}", str(by), by),
    )


def add_count(connection: sqlite3.Connection, what: str, by: int) -> None:
    """Raise one of the counts that OOMNode shows."""
    if by > 0:
        _count(connection, what, by)


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Give the counts of OOMNode's `kills`, by name."""
    rows = connection.execute("SELECT key, value FROM meta WHERE key LIKE 'count.%'")
    return {key.removeprefix("count."): int(value) for key, value in rows}
