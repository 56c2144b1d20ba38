"""Checkpoints of the ledger, as SQL on the agent's store."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from oomwarden.core.kernel_log.position import Position
from oomwarden.core.ledger.account import KillCounters
from oomwarden.core.model.cgroup import Cgroup, Level


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was booked of a cgroup when it was last saved, and the container's name if known."""

    cgroup: Cgroup
    epoch: int
    booked: KillCounters
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
    return Checkpoint(cgroup, epoch, KillCounters(**json.loads(raw)), name)


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


def log_position(connection: sqlite3.Connection, boot_id: str) -> Position:
    """Give what an earlier agent has told of this boot's kernel log."""
    key = f"log.{boot_id}"
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is None:
        return Position(0.0)
    value = json.loads(row[0])
    to, *beyond = value if isinstance(value, list) else [value]  # a number before 0.2
    return Position(to, tuple((stamp, pid) for stamp, pid in beyond))


def save_log_position(connection: sqlite3.Connection, boot_id: str, position: Position) -> None:
    """Keep the position; those of other boots go."""
    connection.execute("DELETE FROM meta WHERE key LIKE 'log.%'")
    value = json.dumps([position.to, *position.beyond])
    connection.execute("INSERT INTO meta VALUES (?, ?)", (f"log.{boot_id}", value))
