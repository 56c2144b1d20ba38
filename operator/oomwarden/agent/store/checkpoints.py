"""Checkpoints of the ledger, as SQL on the agent's store."""

import json
import sqlite3
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from oomwarden.core.kernel_log.position import Position
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level


class Checkpoint(Struct, frozen=True):
    """The state of a cgroup's account when it was last saved."""

    cgroup: Cgroup
    epoch: int
    recorded: KillCounters
    """The counters up to which kills are recorded."""
    name: str | None
    """The container's name, if known."""


def load(connection: sqlite3.Connection, boot_id: str) -> dict[int, Checkpoint]:
    """Return this boot's checkpoints by cgroup inode; delete those of other boots."""
    connection.execute("DELETE FROM checkpoints WHERE boot_id <> ?", (boot_id,))
    rows = connection.execute(
        "SELECT inode, path, level, pod_uid, container_id, epoch, raw, name FROM checkpoints"
    )
    return {row[0]: _checkpoint(*row) for row in rows}


def _checkpoint(*row: Any) -> Checkpoint:  # noqa: ANN401 - SQLite's values are of any type
    inode, path, level, pod_uid, container_id, epoch, raw, name = row
    cgroup = Cgroup(inode, path, Level(level), pod_uid, container_id)
    return Checkpoint(cgroup, epoch, KillCounters(**json.loads(raw)), name)


def save(connection: sqlite3.Connection, boot_id: str, known: list[Checkpoint]) -> None:
    """Store checkpoints."""
    connection.executemany(
        "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_row(boot_id, one) for one in known],
    )


def _row(boot_id: str, known: Checkpoint) -> tuple[object, ...]:
    cgroup, raw = known.cgroup, json.dumps(asdict(known.recorded))
    where = (cgroup.path, str(cgroup.level), cgroup.pod_uid, cgroup.container_id)
    return (boot_id, cgroup.inode, known.epoch, *where, known.name, raw)


def forget(connection: sqlite3.Connection, boot_id: str, inodes: list[int]) -> None:
    """Delete the checkpoints of cgroups that are gone and settled."""
    connection.executemany(
        "DELETE FROM checkpoints WHERE boot_id = ? AND inode = ?",
        [(boot_id, inode) for inode in inodes],
    )


def log_position(connection: sqlite3.Connection, boot_id: str) -> Position:
    """Return up to where an earlier agent recorded the kills in this boot's kernel log."""
    key = f"log.{boot_id}"
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is None:
        return Position(0.0)
    to, *beyond = json.loads(row[0])
    return Position(to, tuple((stamp, pid) for stamp, pid in beyond))


def save_log_position(connection: sqlite3.Connection, boot_id: str, position: Position) -> None:
    """Store the position; delete those of other boots."""
    connection.execute("DELETE FROM meta WHERE key LIKE 'log.%'")
    value = json.dumps([position.to, *position.beyond])
    connection.execute("INSERT INTO meta VALUES (?, ?)", (f"log.{boot_id}", value))
