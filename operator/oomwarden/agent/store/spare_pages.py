"""Free pages in the store's file: what is news goes into them while the disk is full.

SQLite uses the free pages of its file before it lets it grow, and writes its write-ahead log over
from the beginning after each checkpoint. So a full disk still takes what fits into both; whoever
fills the disk cannot have them. (A file system that copies on write, such as btrfs, may refuse.)
"""

import os
import sqlite3
from pathlib import Path

BYTES = 1 << 20
"""Some thousand baselines, or 200 records with their Events."""
ROOM_BYTES = 8 * BYTES
"""What must be free on the disk before the file is made to grow: others need it more."""


def are_few(connection: sqlite3.Connection) -> bool:
    """Whether half of the free pages are used up."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return bool(free * size < BYTES // 2)


def free_bytes(directory: Path) -> int:
    """Give what the agent may still write to a disk."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def make(connection: sqlite3.Connection, directory: Path) -> None:
    """Let the file grow by free pages, and its write-ahead log with it.

    In two transactions: pages that are freed in the one that takes them are never written.

    Raises:
        OSError: the disk has too little room.
        sqlite3.Error: the same.
    """
    if free_bytes(directory) < ROOM_BYTES:
        raise OSError(f"less than {ROOM_BYTES >> 20} MiB are free in {directory}")
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS spare (data BLOB NOT NULL) STRICT")
        connection.execute("INSERT INTO spare VALUES (zeroblob(?))", (BYTES,))
    with connection:
        connection.execute("DROP TABLE spare")
