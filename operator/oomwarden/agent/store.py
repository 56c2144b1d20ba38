"""The agent's durable memory: one SQLite file, one thread that owns it."""

import asyncio
import sqlite3
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

UNASKED = "unasked"
"""meta.history of a new store: whether an earlier one was lost is not known yet."""
BUSY_SECONDS = 20.0
"""How long somebody who reads the file by hand may hold it."""
_IN_MEMORY = (
    "working in memory, so nothing that is not delivered survives a restart of the agent; free or "
    "mend the disk of its state directory, then restart it"
)
_ANEW = (
    "what it knew of containers that run is lost, so their scores are not put back until they "
    "restart: see whether the disk is in order; this is told until the agent is restarted"
)
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


class Store:
    """Runs every function that touches the database in one thread, each in one transaction.

    `degraded` tells why work goes on in memory: the file was corrupt or could not be written.
    `fresh`: it was opened before its first books were in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._connection: sqlite3.Connection | None = None
        self.degraded: str | None = None
        self.in_memory = False
        self.store_id = ""
        self.fresh = False

    async def open(self) -> None:
        """Open or create the file; a corrupt one is set aside, a full disk means memory."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._open)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the store's thread as one transaction.

        Raises:
            sqlite3.Error: the transaction was rolled back.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transaction, work)

    async def close(self) -> None:
        """Close the file after what was asked for before."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the store is not open")
        try:
            with self._connection:
                return work(self._connection)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:  # disk full, I/O error, corrupt page
            if _is_busy(error):
                raise
            self._connection = self._into_memory(self._connection, error)
            with self._connection:
                return work(self._connection)

    def _into_memory(
        self, broken: sqlite3.Connection, error: sqlite3.DatabaseError
    ) -> sqlite3.Connection:
        """Go on in memory with what can still be read.

        The file is set aside: an agent that found it again would take it for the whole truth.
        """
        memory = _connect(None)
        try:
            broken.backup(memory)
        except sqlite3.DatabaseError:
            memory = _connect(None)
        broken.close()
        self.degraded, self.in_memory = f"{error}: {_IN_MEMORY}", True
        try:
            self._set_aside()
        except OSError as second:  # a disk that went read-only
            self.degraded += f"; {self._path.name} could not be set aside ({second.strerror})"
        return memory

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> None:
        try:
            self._connection = self._connect_anyhow()
            self._identify(self._connection)
        except sqlite3.DatabaseError as error:
            if _is_busy(error):
                raise
            self._connection = self._start_over(error)
            self._identify(self._connection)

    def _connect_anyhow(self) -> sqlite3.Connection:
        """Connect; on a full disk without the -shm file that other processes would share."""
        try:
            return _connect(self._path)
        except sqlite3.OperationalError as error:
            if _is_busy(error) or not self._path.exists():
                raise
            return _connect(self._path, alone=True)

    def _start_over(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        try:
            self._set_aside()
            connection = _connect(self._path)
        except (OSError, sqlite3.DatabaseError) as second:
            self.degraded, self.in_memory = f"{second}: {_IN_MEMORY}", True
            return _connect(None)
        self.degraded = (
            f"{error}: the file was set aside as {self._path.stem}.corrupt, and a new one begun; "
            f"{_ANEW}"
        )
        return connection

    def _set_aside(self) -> None:
        if self._path.exists():
            self._path.replace(self._path.with_suffix(".corrupt"))
        for tail in ("-wal", "-shm"):
            Path(f"{self._path}{tail}").unlink(missing_ok=True)

    def _identify(self, connection: sqlite3.Connection) -> None:
        with connection:
            row = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
            self.store_id = row[0] if row else str(uuid.uuid4())
            begun = connection.execute("SELECT 1 FROM meta WHERE key = 'books'").fetchone()
            self.fresh = begun is None
            connection.execute(
                "INSERT OR IGNORE INTO meta VALUES ('store_id', ?)", (self.store_id,)
            )
            if row is None:
                connection.execute("INSERT INTO meta VALUES ('history', ?)", (UNASKED,))


def begin_books(connection: sqlite3.Connection) -> None:
    """Note that a new store's first books are in it: the next agent goes on from there."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('books', 'begun')")


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    """Whether somebody holds the file: it is in order, and must not be set aside."""
    codes = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in codes


def _connect(path: Path | None, *, alone: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", timeout=BUSY_SECONDS, check_same_thread=False)
    if alone:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(_SCHEMA)
    return connection
