"""The agent's durable state: one SQLite file, used by one thread.

While the disk refuses writes, the store works in memory and the file stays as it is. The store
retries the file with back-off, and then writes everything that happened since in one transaction.
"""

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from oomwarden.agent.store import file as store_file
from oomwarden.agent.store import spare_pages
from oomwarden.agent.store.file import connect as _connect
from oomwarden.agent.store.messages import (
    DETACHED,
    IN_MEMORY,
    NEARLY_FULL,
    NEW_FILE,
    REWRITTEN,
    UNREAD,
)

T = TypeVar("T")

UNASKED = "unasked"
"""meta.history of a new store: the agent has not checked yet whether an earlier one was lost."""
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 60.0


class Database:
    """Runs all functions that use the database in one thread, each in one transaction.

    Attributes:
        in_memory: Whether writes do not reach the disk.
        store_id: A UUID that a new store gets.
        is_new: Whether the store had no initial ledger when it was opened.
    """

    def __init__(self, path: Path, check: Callable[[sqlite3.Connection], None]) -> None:
        """Make a store that is not open yet.

        Args:
            path: The SQLite file.
            check: Raises sqlite3.DatabaseError if the agent cannot parse the rows of a file that
                is opened; the file then counts as corrupt.
        """
        self._path, self._check = path, check
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._connection: sqlite3.Connection | None = None
        self._trouble: str | None = None  # until the disk accepts writes again
        self._damage: str | None = None  # until a restart
        self.in_memory = False
        self._is_whole = True  # memory has everything that the file had
        self._is_blank = False  # there is no file that a later agent could use
        self._is_warmed_up = False  # the write-ahead log has its full size
        self._gap, self._due = FIRST_RETRY_SECONDS, 0.0
        self.store_id = ""
        self.is_new = False

    @property
    def degraded(self) -> str | None:
        """What is wrong with the disk, and what to do; None if nothing is."""
        return "; ".join(filter(None, (self._trouble, self._damage))) or None

    @property
    def is_full(self) -> bool:
        """Whether the disk is nearly full while the store still writes to the file."""
        return self._trouble is not None and not self.in_memory

    @property
    def is_durable(self) -> bool:
        """Whether the next agent will find what is stored now, or no file, but not an older one."""
        return not self.in_memory or self._is_blank

    async def open(self) -> None:
        """Open or create the file; set a corrupt one aside; work in memory on a full disk."""
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
        """Close the file after all calls of `run` that were made before."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a transaction in the file; if the disk fails, in memory."""
        self._recover()
        try:
            return self._attempt(work)
        except sqlite3.DatabaseError as error:
            self._into_memory(self._disk_error_or_raise(error))
        return self._attempt(work)

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the store is not open")
        with self._connection:
            return work(self._connection)

    def _disk_error_or_raise(self, error: sqlite3.DatabaseError) -> sqlite3.DatabaseError:
        """Return an error of the disk (full, I/O error, corrupt page); raise any other error."""
        own = (sqlite3.IntegrityError, sqlite3.ProgrammingError)
        passing = store_file.is_busy(error) or store_file.is_sql_error(error)
        if isinstance(error, own) or passing or self.in_memory:
            raise error
        return error

    def _into_memory(self, error: sqlite3.DatabaseError) -> None:
        """Continue in memory with what can still be read; only a corrupt file is set aside."""
        corrupt, broken = store_file.is_corrupt(error), self._connection
        self._connection, self._is_whole = store_file.readable_copy(broken, corrupt=corrupt)
        self.in_memory = True
        self._set_retry(FIRST_RETRY_SECONDS)
        self._trouble = f"{error}: {DETACHED if self._is_whole else IN_MEMORY}"
        if corrupt:
            self._set_aside(REWRITTEN)

    def _set_aside(self, then: str) -> None:
        aside = f"the file was set aside as {self._path.stem}.corrupt"
        try:
            store_file.set_aside(self._path)
        except OSError as error:  # the disk became read-only
            self._damage = f"cannot set {self._path.name} aside ({error.strerror})"
        else:
            self._damage, self._is_blank = f"{aside}, {then}", True

    def _recover(self) -> None:
        """Return to the file, and reserve free pages in it, once the disk has room."""
        if self._connection is None or time.monotonic() < self._due:
            return
        try:
            if self.in_memory:
                self._return_to_file()
            self._make_spare_pages(self._connection)
        except (sqlite3.Error, OSError):
            self._set_retry(min(self._gap * 2, LAST_RETRY_SECONDS))
        else:
            self._set_retry(FIRST_RETRY_SECONDS)

    def _make_spare_pages(self, connection: sqlite3.Connection) -> None:
        if self._is_warmed_up and not spare_pages.are_low(connection):
            return
        try:
            spare_pages.reserve(connection, self._path.parent)
        except (sqlite3.Error, OSError) as error:
            self._trouble = f"{error}: {NEARLY_FULL}"
            raise
        self._is_warmed_up, self._trouble = True, None

    def _return_to_file(self) -> None:
        if self._connection is None or not self._is_whole:
            raise sqlite3.OperationalError("the file was not read completely")
        disk = store_file.write_back(self._connection, self._path)
        self._connection.close()
        self._connection, self.in_memory, self._trouble = disk, False, None
        self._is_warmed_up = False

    def _set_retry(self, gap: float) -> None:
        self._gap, self._due = gap, time.monotonic() + gap

    def _close(self) -> None:
        self._due = 0.0
        if self.in_memory:
            self._recover()
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> None:
        try:
            self._connection = self._open_file()
        except sqlite3.DatabaseError as error:
            if store_file.is_busy(error):
                raise
            self._connection = self._start_over(error)
            self._identify(self._connection)
        self._recover()

    def _open_file(self) -> sqlite3.Connection:
        connection = store_file.connect_with_fallback(self._path)
        try:
            self._identify(connection)
            self._check(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _start_over(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        if not (store_file.is_corrupt(error) or store_file.is_sql_error(error)):
            return self._start_in_memory(error)
        self._set_aside(f"and a new one was created ({error}); {NEW_FILE}")
        try:
            return _connect(self._path)
        except sqlite3.DatabaseError as second:
            self._trouble, self.in_memory = f"{second}: {IN_MEMORY}", True
            self._is_whole = self._is_blank
            return _connect(None)

    def _start_in_memory(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        """Start in memory, with the content of the file if there is one."""
        self.in_memory, self._trouble = True, f"{error}: {DETACHED}"
        found = None if store_file.is_absent_or_empty(self._path) else self._salvaged()
        self._is_blank = store_file.is_absent_or_empty(self._path) or (
            found is not None and store_file.is_blank(found)
        )
        if found is None and not self._is_blank:
            self._is_whole, self._trouble = False, f"{error}: {UNREAD}"
        return found or _connect(None)

    def _salvaged(self) -> sqlite3.Connection | None:
        from oomwarden.agent.store import salvage  # noqa: PLC0415 - 0.5 MiB, and rarely needed

        return salvage.salvage(self._path, self._check)

    def _identify(self, connection: sqlite3.Connection) -> None:
        with connection:
            row = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
            self.store_id = row[0] if row else str(uuid.uuid4())
            begun = connection.execute("SELECT 1 FROM meta WHERE key = 'books'").fetchone()
            self.is_new = begun is None
            connection.execute(
                "INSERT OR IGNORE INTO meta VALUES ('store_id', ?)", (self.store_id,)
            )
            if row is None:
                connection.execute("INSERT INTO meta VALUES ('history', ?)", (UNASKED,))


def mark_initialised(connection: sqlite3.Connection) -> None:
    """Record that a new store has its initial ledger: the next agent continues from it."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('books', 'begun')")
