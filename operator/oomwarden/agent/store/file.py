"""The store's file: opens it, reads it if it cannot be written, sets it aside if it is corrupt."""

import sqlite3
from pathlib import Path

from oomwarden.agent.store import schema as store_schema

BUSY_SECONDS = 20.0
"""How long the store waits for another process, such as an admin's sqlite3, to release the file."""
WRITE_BACK_SECONDS = 1.0
"""The same while the store returns to the file: the whole agent waits for the store's thread."""
CHECKPOINT_PAGES = 64
"""Pages in the write-ahead log that trigger an SQLite checkpoint: 256 KiB."""
CACHE_KIB = 256
"""SQLite's own cache of pages. Its default, 2,000 KiB, fills with pages that are read once."""
WAL_BYTES = 4 << 20
"""Largest write-ahead log after a checkpoint: more than the spare pages, which must fit into it."""


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether another process has locked the file: it is intact, and this passes."""
    return _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_corrupt(error: sqlite3.Error) -> bool:
    """Return whether the file is corrupt; on a full, read-only or failing disk it is not."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_sql_error(error: sqlite3.Error) -> bool:
    """Return whether the statement itself is wrong."""
    return _code(error) == sqlite3.SQLITE_ERROR


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def connect(
    path: Path | None, *, alone: bool = False, timeout: float | None = None
) -> sqlite3.Connection:
    """Open the file, or a store in memory.

    Args:
        path: The file; None for a store in memory.
        alone: Whether to lock the file exclusively, which needs no -shm file.
        timeout: Seconds to wait for another process that has locked the file; BUSY_SECONDS by
            default.

    Raises:
        sqlite3.DatabaseError: the file cannot be opened, or is corrupt.
    """
    seconds = BUSY_SECONDS if timeout is None else timeout
    connection = sqlite3.connect(path or ":memory:", timeout=seconds, check_same_thread=False)
    try:
        if alone:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        store_schema.create_tables(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_with_fallback(path: Path) -> sqlite3.Connection:
    """Open the file; on a full disk, without the -shm file that other processes would share.

    Raises:
        sqlite3.DatabaseError: as `connect`.
    """
    try:
        return connect(path)
    except sqlite3.OperationalError as error:
        if is_busy(error) or not path.exists():
            raise
        return connect(path, alone=True)


def is_absent_or_empty(path: Path) -> bool:
    """Return whether there is no file, or an empty one that a full disk left behind."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError:  # it may be there
        return False


def copy_to_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Copy a store into memory.

    Raises:
        sqlite3.DatabaseError: the store cannot be read.
    """
    memory = connect(None)
    connection.backup(memory)
    return memory


def readable_copy(
    broken: sqlite3.Connection | None, *, corrupt: bool
) -> tuple[sqlite3.Connection, bool]:
    """Copy what can be read into memory, and close the file.

    From a corrupt file, only tables that can be read completely are copied: a copy page by page
    would include the corrupt ones.

    Returns:
        The copy, and whether it is complete.
    """
    if broken is None:
        return connect(None), False
    try:
        return _copy_readable_tables(broken) if corrupt else (copy_to_memory(broken), True)
    except sqlite3.DatabaseError:
        return connect(None), False
    finally:
        broken.close()


def _copy_readable_tables(broken: sqlite3.Connection) -> tuple[sqlite3.Connection, bool]:
    memory, whole = connect(None), True
    for table in _tables(broken):
        try:
            with memory:
                _copy_table(broken, memory, table)
        except sqlite3.DatabaseError:
            whole = False
    return memory, whole


def is_blank(connection: sqlite3.Connection) -> bool:
    """Return whether no agent has ever used this store."""
    return connection.execute("SELECT 1 FROM meta LIMIT 1").fetchone() is None


def write_back(memory: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Write a store in memory into the file, in one transaction.

    Raises:
        sqlite3.Error: the file is unchanged.
    """
    disk = connect(path, timeout=WRITE_BACK_SECONDS)
    try:
        with disk:
            disk.execute("BEGIN IMMEDIATE")
            for table in _tables(memory):
                _copy_table(memory, disk, table)
    except BaseException:
        disk.close()
        raise
    return disk


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'spare'"
    return [name for (name,) in connection.execute(query)]


def _copy_table(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> None:
    """Copy rows in their order, because records are posted in it."""
    rows = source.execute(f'SELECT * FROM "{table}" ORDER BY rowid')  # noqa: S608 - of our schema
    marks = ", ".join("?" for _ in rows.description)
    target.execute(f'DELETE FROM "{table}"')  # noqa: S608 - of our schema
    target.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608 - as above


def set_aside(path: Path) -> None:
    """Rename a corrupt file, so that no later agent uses it.

    Raises:
        OSError: the directory cannot be written.
    """
    if path.exists():
        path.replace(path.with_suffix(".corrupt"))
    for tail in ("-wal", "-shm"):
        Path(f"{path}{tail}").unlink(missing_ok=True)
