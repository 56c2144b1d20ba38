"""Reserved free pages in the store's file: the store writes into them while the disk is full.

SQLite uses the free pages of its file before the file grows, and overwrites its write-ahead log
from the start after each checkpoint. So the store can still write what fits into both, and no other
program can use that space. (A copy-on-write file system, such as btrfs, may refuse the writes.)
"""

import os
import sqlite3
from pathlib import Path

BYTES = 1 << 20
"""Enough for some thousand baselines, or 200 records with their Events."""
ROOM_BYTES = 8 * BYTES
"""Free space that the disk must have before the file grows: others need it more."""


def are_low(connection: sqlite3.Connection) -> bool:
    """Return whether more than half of the reserved pages are used."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return bool(free * size < BYTES // 2)


def free_bytes(directory: Path) -> int:
    """Return how many bytes the agent may still write to a disk."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def reserve(connection: sqlite3.Connection, directory: Path) -> None:
    """Add free pages to the file, and grow its write-ahead log with them.

    This needs two transactions: pages that are allocated and freed in one are never written.

    Raises:
        OSError: the disk has too little space.
        sqlite3.Error: the same.
    """
    if free_bytes(directory) < ROOM_BYTES:
        raise OSError(f"less than {ROOM_BYTES >> 20} MiB are free in {directory}")
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS spare (data BLOB NOT NULL) STRICT")
        connection.execute("INSERT INTO spare VALUES (zeroblob(?))", (BYTES,))
    with connection:
        connection.execute("DROP TABLE spare")
