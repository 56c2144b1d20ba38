"""The store's file: connecting to it, reading it where it cannot be written, setting it aside."""

import shutil
import sqlite3
import tempfile
from pathlib import Path

from oomwarden.agent.store import schema

BUSY_SECONDS = 20.0
"""How long somebody who reads the file by hand may hold it."""
RETURN_SECONDS = 1.0
"""The same while the file is tried again: everybody waits for the store's thread."""
CHECKPOINT_PAGES = 64
"""Pages in the write-ahead log after which they go into the file: 256 KiB."""
WAL_BYTES = 4 << 20
"""What is left of the log after a checkpoint at most: more than the spare pages, which it holds."""


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody holds the file: it is in order, and this passes."""
    return _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken; a disk that is full, read-only or failing is not."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_mistake(error: sqlite3.Error) -> bool:
    """Whether the statement is wrong, wherever it is run."""
    return _code(error) == sqlite3.SQLITE_ERROR


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def connect(
    path: Path | None, *, alone: bool = False, patience: float | None = None
) -> sqlite3.Connection:
    """Open the file, or a store in memory; `patience` in seconds, with whoever holds the file.

    Raises:
        sqlite3.DatabaseError: it cannot be opened, or is broken.
    """
    timeout = BUSY_SECONDS if patience is None else patience
    connection = sqlite3.connect(path or ":memory:", timeout=timeout, check_same_thread=False)
    try:
        if alone:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        schema.make(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_anyhow(path: Path) -> sqlite3.Connection:
    """Connect; on a full disk without the -shm file that other processes would share.

    Raises:
        sqlite3.DatabaseError: as `connect`.
    """
    try:
        return connect(path)
    except sqlite3.OperationalError as error:
        if is_busy(error) or not path.exists():
            raise
        return connect(path, alone=True)


def holds_nothing(path: Path) -> bool:
    """Whether there is no file, or an empty one that a full disk has left behind."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError:  # it may be there
        return False


def salvage(path: Path) -> sqlite3.Connection | None:
    """Read a file into memory that SQLite cannot open where it lies; None: it cannot be read.

    A read-only directory keeps SQLite from the -shm file that reading takes, a full one too.
    """
    try:
        with tempfile.TemporaryDirectory(dir=_roomy()) as directory:
            for tail in ("", "-wal"):
                source = Path(f"{path}{tail}")
                if source.exists():
                    shutil.copyfile(source, Path(directory) / f"copy{tail}")
            copy = connect(Path(directory) / "copy")
            try:
                copy.execute(
                    "PRAGMA user_version = 0"
                )  # one that takes no writes stays so in memory
                return in_memory(copy)
            finally:
                copy.close()
    except (OSError, sqlite3.Error):
        return None


def _roomy() -> str | None:
    """Prefer memory: the agent's root is read-only, and the disk is what is in trouble."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a directory of ours in it


def in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Copy a store into memory.

    Raises:
        sqlite3.DatabaseError: it cannot be read.
    """
    memory = connect(None)
    connection.backup(memory)
    return memory


def what_is_readable(
    broken: sqlite3.Connection | None, *, corrupt: bool
) -> tuple[sqlite3.Connection, bool]:
    """Copy into memory what can be read, and close the file; tells whether that is all.

    Of a corrupt file the tables that can be read to their end are taken: copied page by page, the
    broken ones would come along.
    """
    if broken is None:
        return connect(None), False
    try:
        return _sound_tables(broken) if corrupt else (in_memory(broken), True)
    except sqlite3.DatabaseError:
        return connect(None), False
    finally:
        broken.close()


def _sound_tables(broken: sqlite3.Connection) -> tuple[sqlite3.Connection, bool]:
    memory, whole = connect(None), True
    for table in _tables(broken):
        try:
            with memory:
                _copy_table(broken, memory, table)
        except sqlite3.DatabaseError:
            whole = False
    return memory, whole


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether no agent has ever begun with this store."""
    return connection.execute("SELECT 1 FROM meta LIMIT 1").fetchone() is None


def bring_back(memory: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Write all that a store in memory holds into the file, in one transaction.

    Raises:
        sqlite3.Error: the file is as it was.
    """
    disk = connect(path, patience=RETURN_SECONDS)
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
    """Copy in the order of the rows, which is the order in which records are posted."""
    rows = source.execute(f'SELECT * FROM "{table}" ORDER BY rowid')  # noqa: S608 - of our schema
    marks = ", ".join("?" for _ in rows.description)
    target.execute(f'DELETE FROM "{table}"')  # noqa: S608 - of our schema
    target.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608 - as above


def set_aside(path: Path) -> None:
    """Rename a broken file, so that no later agent takes it for the whole truth.

    Raises:
        OSError: the directory cannot be written.
    """
    if path.exists():
        path.replace(path.with_suffix(".corrupt"))
    for tail in ("-wal", "-shm"):
        Path(f"{path}{tail}").unlink(missing_ok=True)
