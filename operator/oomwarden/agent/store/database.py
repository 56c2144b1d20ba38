"""The agent's durable memory: one SQLite file, one thread that owns it.

While the disk takes nothing, work goes on in memory and the file stays as it is: it is tried again
with growing gaps, and then gets all that happened meanwhile in one transaction.
"""

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from oomwarden.agent.store import file, spare_pages
from oomwarden.agent.store.messages import AGAIN, ANEW, DETACHED, IN_MEMORY, NEARLY_FULL, UNREAD

T = TypeVar("T")

UNASKED = "unasked"
"""meta.history of a new store: whether an earlier one was lost is not known yet."""
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 60.0


def _nothing(_: sqlite3.Connection) -> None:
    return


class Database:
    """Runs every function that touches the database in one thread, each in one transaction.

    `check` raises where the rows of a file that is opened cannot be understood: it is as good as
    corrupt. `in_memory`: writes do not reach the disk. `fresh`: it was opened before its first
    books were in it.
    """

    def __init__(self, path: Path, check: Callable[[sqlite3.Connection], None] = _nothing) -> None:
        self._path, self._check = path, check
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._connection: sqlite3.Connection | None = None
        self._trouble: str | None = None  # until the disk takes writes again
        self._damage: str | None = None  # until a restart
        self.in_memory = False
        self._is_whole = True  # what is in memory is all that there was
        self._is_blank = False  # there is no file that a later agent could go on from
        self._is_warmed_up = False  # the write-ahead log has its size
        self._gap, self._due = FIRST_RETRY_SECONDS, 0.0
        self.store_id = ""
        self.fresh = False

    @property
    def degraded(self) -> str | None:
        """Tell what is wrong with the disk, and what to do; None: nothing."""
        return "; ".join(filter(None, (self._trouble, self._damage))) or None

    @property
    def is_full(self) -> bool:
        """Whether the disk is nearly full, and the store goes on in the file all the same."""
        return self._trouble is not None and not self.in_memory

    @property
    def keeps(self) -> bool:
        """Whether the next agent knows what is stored now, or that it knows nothing.

        It must not find an older file and take that for the whole truth.
        """
        return not self.in_memory or self._is_blank

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
        """Do it in the file; else in memory."""
        self._recover()
        try:
            return self._attempt(work)
        except sqlite3.DatabaseError as error:
            self._into_memory(self._of_the_disk(error))
        return self._attempt(work)

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the store is not open")
        with self._connection:
            return work(self._connection)

    def _of_the_disk(self, error: sqlite3.DatabaseError) -> sqlite3.DatabaseError:
        """Give an error that memory cures: disk full, I/O error, corrupt page; raise any other."""
        own = (sqlite3.IntegrityError, sqlite3.ProgrammingError)
        passing = file.is_busy(error) or file.is_mistake(error)
        if isinstance(error, own) or passing or self.in_memory:
            raise error
        return error

    def _into_memory(self, error: sqlite3.DatabaseError) -> None:
        """Go on in memory with what can still be read; only a corrupt file is set aside."""
        corrupt, broken = file.is_corrupt(error), self._connection
        self._connection, self._is_whole = file.what_is_readable(broken, corrupt=corrupt)
        self.in_memory = True
        self._postpone(FIRST_RETRY_SECONDS)
        self._trouble = f"{error}: {DETACHED if self._is_whole else IN_MEMORY}"
        if corrupt:
            self._set_aside(AGAIN)

    def _set_aside(self, then: str) -> None:
        aside = f"the file was set aside as {self._path.stem}.corrupt"
        try:
            file.set_aside(self._path)
        except OSError as error:  # a disk that went read-only
            self._damage = f"{self._path.name} could not be set aside ({error.strerror})"
        else:
            self._damage, self._is_blank = f"{aside}, {then}", True

    def _recover(self) -> None:
        """Go back to the file, and keep free pages in it, as soon as the disk has room."""
        if self._connection is None or time.monotonic() < self._due:
            return
        try:
            if self.in_memory:
                self._return()
            self._make_spare_pages(self._connection)
        except (sqlite3.Error, OSError):
            self._postpone(min(self._gap * 2, LAST_RETRY_SECONDS))
        else:
            self._postpone(FIRST_RETRY_SECONDS)

    def _make_spare_pages(self, connection: sqlite3.Connection) -> None:
        if self._is_warmed_up and not spare_pages.are_few(connection):
            return
        try:
            spare_pages.make(connection, self._path.parent)
        except (sqlite3.Error, OSError) as error:
            self._trouble = f"{error}: {NEARLY_FULL}"
            raise
        self._is_warmed_up, self._trouble = True, None

    def _return(self) -> None:
        if self._connection is None or not self._is_whole:
            raise sqlite3.OperationalError("what the file holds was not read")
        disk = file.bring_back(self._connection, self._path)
        self._connection.close()
        self._connection, self.in_memory, self._trouble = disk, False, None
        self._is_warmed_up = False

    def _postpone(self, gap: float) -> None:
        self._gap, self._due = gap, time.monotonic() + gap

    def _close(self) -> None:
        self._due = 0.0
        if self.in_memory:
            self._recover()
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> None:
        try:
            self._connection = self._begin()
        except sqlite3.DatabaseError as error:
            if file.is_busy(error):
                raise
            self._connection = self._start_over(error)
            self._identify(self._connection)
        self._recover()

    def _begin(self) -> sqlite3.Connection:
        connection = file.connect_anyhow(self._path)
        try:
            self._identify(connection)
            self._check(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _start_over(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        if not (file.is_corrupt(error) or file.is_mistake(error)):
            return self._start_in_memory(error)
        self._set_aside(f"and a new one begun ({error}); {ANEW}")
        try:
            return file.connect(self._path)
        except sqlite3.DatabaseError as second:
            self._trouble, self.in_memory = f"{second}: {IN_MEMORY}", True
            self._is_whole = self._is_blank
            return file.connect(None)

    def _start_in_memory(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        """Begin with what the file holds; or with nothing, where there is nothing."""
        self.in_memory, self._trouble = True, f"{error}: {DETACHED}"
        found = None if file.holds_nothing(self._path) else self._salvaged()
        self._is_blank = file.holds_nothing(self._path) or (
            found is not None and file.is_blank(found)
        )
        if found is None and not self._is_blank:
            self._is_whole, self._trouble = False, f"{error}: {UNREAD}"
        return found or file.connect(None)

    def _salvaged(self) -> sqlite3.Connection | None:
        if found := file.salvage(self._path):
            with suppress(sqlite3.Error):
                self._check(found)
                return found
            found.close()
        return None

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


def mark_initialised(connection: sqlite3.Connection) -> None:
    """Note that a new store's first books are in it: the next agent goes on from there."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('books', 'begun')")
