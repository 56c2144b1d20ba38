import sqlite3
from pathlib import Path

import pytest
from oomwarden.agent.store.database import Database, mark_initialised

from tests.support.stores import store_at


def add(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO meta VALUES ('stored', 'yes')")


def stored(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("SELECT value FROM meta WHERE key = 'stored'")]


async def opened(path: Path) -> Database:
    store = store_at(path)
    await store.open()
    return store


async def test_stored_values_survive_a_restart(tmp_path: Path) -> None:
    first = await opened(tmp_path / "s.sqlite")
    await first.run(add)
    await first.close()
    second = await opened(tmp_path / "s.sqlite")
    assert (await second.run(stored), second.is_new) == (["yes"], True)
    await second.run(mark_initialised)
    await second.close()
    second = await opened(tmp_path / "s.sqlite")
    assert not second.is_new, "only once it has its initial ledger"
    assert second.store_id == first.store_id
    await second.close()


async def test_a_failed_transaction_stores_nothing(tmp_path: Path) -> None:
    store = await opened(tmp_path / "s.sqlite")

    def add_twice(db: sqlite3.Connection) -> None:
        add(db)
        add(db)

    with pytest.raises(sqlite3.IntegrityError):
        await store.run(add_twice)
    assert await store.run(stored) == []
    await store.close()


async def test_a_corrupt_file_is_set_aside_and_reported(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").write_bytes(b"no database" * 1000)
    store = await opened(tmp_path / "s.sqlite")
    await store.run(add)
    assert store.is_new
    assert "set aside as s.corrupt" in (store.degraded or "")
    assert (tmp_path / "s.corrupt").exists()
    await store.close()


async def test_without_its_directory_the_store_works_in_memory(tmp_path: Path) -> None:
    store = await opened(tmp_path / "absent" / "s.sqlite")
    await store.run(add)
    assert await store.run(stored) == ["yes"]
    assert "in memory" in (store.degraded or "")
    await store.close()


async def test_a_file_that_another_process_locks_is_not_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await opened(tmp_path / "s.sqlite")
    monkeypatch.setattr("oomwarden.agent.store.file.BUSY_SECONDS", 0.05)
    second = store_at(tmp_path / "s.sqlite")
    await second.open()
    holder = sqlite3.connect(tmp_path / "s.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await second.run(add)
    holder.execute("ROLLBACK")
    await second.run(add)
    assert (await second.run(stored), second.degraded) == (["yes"], None)
    holder.close()
    await first.close()
    await second.close()
