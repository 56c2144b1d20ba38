"""A disk that takes no more writes: the file stays, work goes on, and all of it comes back."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from oomwarden.agent.baselines.oom_group import GroupKillBaselines
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.store import file, spare_pages
from oomwarden.core.enforcement.group_files import GroupFiles
from oomwarden.core.enforcement.plan import Baseline
from oomwarden.core.model.cgroup import Cgroup, Level

from tests.support.failing_disk import Disk, add, fail, on_disk, told

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


async def test_what_is_news_goes_into_pages_that_were_kept_free(disk: Disk) -> None:
    one = await disk.open()
    await disk.fill(one)
    await one.run(add("told-1", spare_pages.BYTES // 3 * 2))
    await one.run(add("told-2"))
    assert (one.in_memory, one.is_full, one.keeps) == (False, True, True)
    assert "nearly full" in (one.degraded or "")
    assert on_disk(disk.path) == ["told-1", "told-2"]


async def test_pages_are_kept_free_again_once_there_is_room(disk: Disk) -> None:
    one = await disk.open()
    await disk.fill(one)
    await one.run(add("told-1", spare_pages.BYTES // 3 * 2))
    await one.run(told)
    assert one.is_full
    disk.free()
    await one.run(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await one.run(told)
    assert (one.degraded, one.is_full) == (None, False)


async def test_a_full_disk_keeps_the_file_and_gets_back_what_happened_meanwhile(disk: Disk) -> None:
    one = await disk.open()
    await one.run(add("told-1"))
    await disk.fill(one)
    await one.run(add("told-2", 4 * spare_pages.BYTES))
    await one.run(add("told-3"))
    assert one.in_memory
    assert "in memory" in (one.degraded or "")
    assert await one.run(told) == ["told-1", "told-2", "told-3"]
    assert on_disk(disk.path) == ["told-1"]
    disk.free()
    assert await one.run(told) == ["told-1", "told-2", "told-3"]
    assert (one.in_memory, one.degraded) == (False, None)
    assert on_disk(disk.path) == ["told-1", "told-2", "told-3"]


async def test_what_happened_meanwhile_is_written_at_the_end_where_it_fits(disk: Disk) -> None:
    one = await disk.open()
    await disk.fill(one)
    await one.run(add("told-1", 4 * spare_pages.BYTES))
    disk.free()
    await disk.close(one)
    assert on_disk(disk.path) == ["told-1"]


@pytest.mark.parametrize(
    "code", [0, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN]
)
async def test_a_disk_that_fails_otherwise_is_tried_again_as_well(disk: Disk, code: int) -> None:
    one = await disk.open()
    await one.run(add("told-1"))
    disk.refuse(code, "disk I/O error")
    await one.run(fail(code))
    assert one.in_memory
    assert disk.path.exists()
    disk.free()
    assert await one.run(told) == ["told-1", "told-late"]
    assert (one.in_memory, one.degraded) == (False, None)


async def test_a_corrupt_page_sets_the_file_aside_and_begins_another_with_what_was_read(
    disk: Disk,
) -> None:
    one = await disk.open()
    await one.run(add("told-1"))
    await one.run(fail(sqlite3.SQLITE_CORRUPT, "database disk image is malformed"))
    assert await one.run(told) == ["told-1", "told-late"]
    assert not one.in_memory
    assert "set aside as s.corrupt" in (one.degraded or "")
    assert on_disk(disk.path) == ["told-1", "told-late"]


async def test_a_wrong_statement_is_no_trouble_of_the_disk(disk: Disk) -> None:
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
    await one.run(add("told-1", 4 * spare_pages.BYTES))
    await disk.close(one)
    disk.free()
    again = Baselines(await disk.open(), "boot")
    await again.begin(store_lost=False)
    assert again.get(container()) == OURS


async def test_nothing_is_written_to_a_container_whose_baseline_is_in_memory_only(
    disk: Disk,
) -> None:
    one = await disk.open()
    baselines, groups = Baselines(one, "boot"), GroupKillBaselines(one, "boot")
    baselines.put(container(), OURS)
    await baselines.save_all()
    await disk.fill(one)
    await one.run(add("told-1", 4 * spare_pages.BYTES))
    baselines.put(container(8), OURS)
    groups.put(container(8), GroupFiles(own=True))
    await baselines.save_all()
    await groups.save()
    assert (one.in_memory, one.keeps) == (True, False)
    saved = (baselines.is_saved(container()), baselines.is_saved(container(8)))
    assert (saved, groups.is_saved(container(8))) == ((True, False), False)
    disk.free()
    await baselines.save_all()
    await groups.save()
    assert (baselines.is_saved(container(8)), groups.is_saved(container(8))) == (True, True)


async def test_an_agent_that_starts_on_a_full_disk_goes_on_with_what_the_file_holds(
    disk: Disk,
) -> None:
    one = await disk.open()
    await one.run(add("told-1"))
    await disk.close(one)
    disk.refuse(sqlite3.SQLITE_FULL, "database or disk is full")
    again = await disk.open()
    await again.run(add("told-2"))
    assert (again.in_memory, again.keeps, again.store_id) == (True, False, one.store_id)
    disk.free()
    assert await again.run(told) == ["told-1", "told-2"]
    assert (again.in_memory, again.degraded) == (False, None)


async def test_a_first_start_on_a_full_disk_begins_the_file_later(disk: Disk) -> None:
    disk.refuse(sqlite3.SQLITE_CANTOPEN, "unable to open database file")
    one = await disk.open()
    await one.run(add("told-1"))
    assert (one.in_memory, one.keeps, one.fresh) == (True, True, True)
    disk.free()
    await one.run(told)
    assert (one.in_memory, on_disk(disk.path)) == (False, ["told-1"])


async def test_a_file_that_could_not_be_read_is_never_written_over(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await disk.open()
    await one.run(add("told-1"))
    await disk.close(one)
    disk.refuse(sqlite3.SQLITE_IOERR, "disk I/O error")
    monkeypatch.setattr(file, "salvage", lambda _: None)
    again = await disk.open()
    await again.run(add("told-2"))
    disk.free()
    await again.run(told)
    assert (again.in_memory, again.keeps) == (True, False)
    assert "restart" in (again.degraded or "")
    await disk.close(again)
    assert on_disk(disk.path) == ["told-1"]


async def test_the_write_ahead_log_stays_small(disk: Disk) -> None:
    one = await disk.open()
    for number in range(400):
        await one.run(add(f"told-{number}", 10_000))
    wal = disk.path.with_name("s.sqlite-wal")
    assert wal.stat().st_size <= file.WAL_BYTES
