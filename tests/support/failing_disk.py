"""A disk that refuses writes, for the agent's store."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from oomwarden.agent.store import database, file, spare_pages
from oomwarden.agent.store.database import Database

from tests.support.stores import store_at


class Disk:
    """Refuses to grow the file, or all writes; its stores are closed at the end."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "s.sqlite"
        self.refusal: sqlite3.OperationalError | None = None
        self.stores: list[Database] = []
        self.room = 1 << 30
        monkeypatch.setattr(spare_pages, "free_bytes", lambda _: self.room)
        monkeypatch.setattr(database, "FIRST_RETRY_SECONDS", 0.0)
        monkeypatch.setattr(database, "LAST_RETRY_SECONDS", 0.0)
        monkeypatch.setattr(file, "connect", self._connecting(file.connect))

    def _connecting(self, real: Callable[..., sqlite3.Connection]) -> Callable[..., object]:
        def connect(path: Path | None, **options: object) -> sqlite3.Connection:
            if path == self.path and self.refusal is not None:
                raise self.refusal
            return real(path, **options)

        return connect

    async def open(self) -> Database:
        found = store_at(self.path)
        self.stores.append(found)
        await found.open()
        return found

    async def fill(self, on: Database) -> None:
        """Let the file grow by no page more, and refuse to open it."""
        await on.run(shrink)
        self.room = 0
        self.refuse(sqlite3.SQLITE_FULL, "database or disk is full")

    async def close(self, one: Database) -> None:
        self.stores.remove(one)
        await one.close()

    def refuse(self, code: int, text: str) -> None:
        self.refusal = sqlite3.OperationalError(text)
        self.refusal.sqlite_errorcode = code

    def free(self) -> None:
        self.refusal, self.room = None, 1 << 30


def shrink(db: sqlite3.Connection) -> None:
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")


def add(key: str, size: int = 10) -> Callable[[sqlite3.Connection], None]:
    def work(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO meta VALUES (?, ?)", (key, "x" * size))

    return work


def stored(db: sqlite3.Connection) -> list[str]:
    query = "SELECT key FROM meta WHERE key LIKE 'stored%' ORDER BY rowid"
    return [row[0] for row in db.execute(query)]


def on_disk(path: Path) -> list[str]:
    other = sqlite3.connect(path)
    try:
        return stored(other)
    finally:
        other.close()


def fail(code: int, text: str = "disk I/O error") -> Callable[[sqlite3.Connection], None]:
    """Fail once, as the disk does; a second attempt, in memory, succeeds."""
    failures = [True]

    def work(db: sqlite3.Connection) -> None:
        if failures:
            failures.clear()
            error = sqlite3.OperationalError(text)
            error.sqlite_errorcode = code
            raise error
        add("stored-late")(db)

    return work
