"""A disk that refuses writes: the file stays, the store works in memory and returns later."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from oomwarden.agent.baselines.oom_group import GroupKillBaselines
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.store import salvage, spare_pages
from oomwarden.agent.store.file import WAL_BYTES
from oomwarden.core.enforcement.group_files import GroupFiles
from oomwarden.core.enforcement.plan import Baseline
from oomwarden.core.model.cgroup import Cgroup, Level

from tests.support.failing_disk import Disk, add, fail, on_disk, stored

OURS = Baseline(900, frozenset({-500}))


def container(number: int = 7) -> Container:
    cgroup = Cgroup(number, "p/c", Level.CONTAINER, "u", "a" * 64)
    return Container(cgroup, 0.0, "app", existed=True)


@pytest.fixture
async def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Disk]:
    found = Disk(tmp_path, monkeypatch)
    yield found
    for each in list(found.stores):
        await found.close(each)


async def test_new_values_are_written_into_reserved_pages(disk: Disk) -> None:
    one = await disk.open()
    await disk.fill(one)
    await one.run(add("stored-1", spare_pages.BYTES // 3 * 2))
    await one.run(add("stored-2"))
    assert (one.in_memory, one.is_full, one.is_durable) == (False, True, True)
    assert "nearly full" in (one.degraded or "")
    assert on_disk(disk.path) == ["stored-1", "stored-2"]


async def test_pages_are_reserved_again_once_there_is_room(disk: Disk) -> None:
    one = await disk.open()
    await disk.fill(one)
    await one.run(add("stored-1", spare_pages.BYTES // 3 * 2))
    await one.run(stored)
    assert one.is_full
    disk.free()
    await one.run(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await one.run(stored)
    assert (one.degraded, one.is_full) == (None, False)


async def test_on_a_full_disk_the_file_stays_and_later_gets_what_was_stored_meanwhile(
    disk: Disk,
) -> None:
    one = await disk.open()
    await one.run(add("stored-1"))
    await disk.fill(one)
    await one.run(add("stored-2", 4 * spare_pages.BYTES))
    await one.run(add("stored-3"))
    assert one.in_memory
    assert "in memory" in (one.degraded or "")
    assert await one.run(stored) == ["stored-1", "stored-2", "stored-3"]
    assert on_disk(disk.path) == ["stored-1"]
    disk.free()
    assert await one.run(stored) == ["stored-1", "stored-2", "stored-3"]
    assert (one.in_memory, one.degraded) == (False, None)
    assert on_disk(disk.path) == ["stored-1", "stored-2", "stored-3"]


async def test_values_in_memory_are_written_when_the_store_closes_if_they_fit(disk: Disk) -> None:
    one = await disk.open()
    await disk.fill(one)
    await one.run(add("stored-1", 4 * spare_pages.BYTES))
    disk.free()
    await disk.close(one)
    assert on_disk(disk.path) == ["stored-1"]


@pytest.mark.parametrize(
    "code", [0, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN]
)
async def test_a_disk_with_other_errors_is_retried_too(disk: Disk, code: int) -> None:
    one = await disk.open()
    await one.run(add("stored-1"))
    disk.refuse(code, "disk I/O error")
    await one.run(fail(code))
    assert one.in_memory
    assert disk.path.exists()
    disk.free()
    assert await one.run(stored) == ["stored-1", "stored-late"]
    assert (one.in_memory, one.degraded) == (False, None)


async def test_after_a_corrupt_page_a_new_file_has_what_could_be_read(
    disk: Disk,
) -> None:
    one = await disk.open()
    await one.run(add("stored-1"))
    await one.run(fail(sqlite3.SQLITE_CORRUPT, "database disk image is malformed"))
    assert await one.run(stored) == ["stored-1", "stored-late"]
    assert not one.in_memory
    assert "set aside as s.corrupt" in (one.degraded or "")
    assert on_disk(disk.path) == ["stored-1", "stored-late"]


async def test_a_wrong_statement_is_not_an_error_of_the_disk(disk: Disk) -> None:
    one = await disk.open()
    with pytest.raises(sqlite3.OperationalError):
        await one.run(lambda db: db.execute("SELECT * FROM nowhere"))
    assert not one.in_memory


async def test_baselines_survive_a_full_disk_and_a_restart(disk: Disk) -> None:
    one = await disk.open()
    baselines = Baselines(one, "boot")
    baselines.put(container(), OURS)
    await baselines.save_all()
    await disk.fill(one)
    await one.run(add("stored-1", 4 * spare_pages.BYTES))
    await disk.close(one)
    disk.free()
    again = Baselines(await disk.open(), "boot")
    await again.begin(store_lost=False)
    assert again.get(container()) == OURS


async def test_a_baseline_in_memory_does_not_count_as_saved(
    disk: Disk,
) -> None:
    one = await disk.open()
    baselines, groups = Baselines(one, "boot"), GroupKillBaselines(one, "boot")
    baselines.put(container(), OURS)
    await baselines.save_all()
    await disk.fill(one)
    await one.run(add("stored-1", 4 * spare_pages.BYTES))
    baselines.put(container(8), OURS)
    groups.put(container(8), GroupFiles(own=True))
    await baselines.save_all()
    await groups.save()
    assert (one.in_memory, one.is_durable) == (True, False)
    saved = (baselines.is_saved(container()), baselines.is_saved(container(8)))
    assert (saved, groups.is_saved(container(8))) == ((True, False), False)
    disk.free()
    await baselines.save_all()
    await groups.save()
    assert (baselines.is_saved(container(8)), groups.is_saved(container(8))) == (True, True)


async def test_an_agent_that_starts_on_a_full_disk_continues_with_the_content_of_the_file(
    disk: Disk,
) -> None:
    one = await disk.open()
    await one.run(add("stored-1"))
    await disk.close(one)
    disk.refuse(sqlite3.SQLITE_FULL, "database or disk is full")
    again = await disk.open()
    await again.run(add("stored-2"))
    assert (again.in_memory, again.is_durable, again.store_id) == (True, False, one.store_id)
    disk.free()
    assert await again.run(stored) == ["stored-1", "stored-2"]
    assert (again.in_memory, again.degraded) == (False, None)


async def test_a_first_start_on_a_full_disk_creates_the_file_later(disk: Disk) -> None:
    disk.refuse(sqlite3.SQLITE_CANTOPEN, "unable to open database file")
    one = await disk.open()
    await one.run(add("stored-1"))
    assert (one.in_memory, one.is_durable, one.is_new) == (True, True, True)
    disk.free()
    await one.run(stored)
    assert (one.in_memory, on_disk(disk.path)) == (False, ["stored-1"])


async def test_a_file_that_could_not_be_read_is_never_overwritten(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await disk.open()
    await one.run(add("stored-1"))
    await disk.close(one)
    disk.refuse(sqlite3.SQLITE_IOERR, "disk I/O error")
    monkeypatch.setattr(salvage, "salvage", lambda _path, _check: None)
    again = await disk.open()
    await again.run(add("stored-2"))
    disk.free()
    await again.run(stored)
    assert (again.in_memory, again.is_durable) == (True, False)
    assert "restart" in (again.degraded or "")
    await disk.close(again)
    assert on_disk(disk.path) == ["stored-1"]


async def test_the_write_ahead_log_stays_small(disk: Disk) -> None:
    one = await disk.open()
    for number in range(400):
        await one.run(add(f"stored-{number}", 10_000))
    wal = disk.path.with_name("s.sqlite-wal")
    assert wal.stat().st_size <= WAL_BYTES
