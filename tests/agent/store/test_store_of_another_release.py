"""A store that another release wrote, or with content that cannot be parsed."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from oomwarden.agent.baselines.scores import TABLE
from oomwarden.agent.store.database import Database
from oomwarden.agent.store_check import check
from oomwarden.core.enforcement.plan import Baseline

from tests.support.stores import store_at

BEFORE = {1: ("c", Baseline(5)), 2: ("d", Baseline(-997))}
SOUND = partial(check, "boot")


def save(db: sqlite3.Connection) -> None:
    TABLE.save(db, "boot", BEFORE, [])


def load(db: sqlite3.Connection) -> object:
    return TABLE.load(db, "boot")


Reopen = Callable[[str], Awaitable[Database]]


@pytest.fixture
async def reopened(tmp_path: Path) -> AsyncIterator[Reopen]:
    path, opened = tmp_path / "s.sqlite", list[Database]()
    first = store_at(path)
    await first.open()
    await first.run(save)
    await first.close()

    async def reopen(change: str) -> Database:
        other = sqlite3.connect(path)
        other.executescript(change)
        other.close()
        opened.append(Database(path, SOUND))
        await opened[0].open()
        return opened[0]

    yield reopen
    for one in opened:
        await one.close()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE baselines ADD COLUMN of_a_later_release TEXT",
        "ALTER TABLE baselines ADD COLUMN x INTEGER DEFAULT 0; CREATE INDEX i ON baselines (x)",
        "CREATE TABLE of_a_later_release (what TEXT)",
    ],
)
async def test_known_columns_of_a_later_releases_store_are_kept(
    reopened: Reopen, change: str
) -> None:
    store = await reopened(change)
    assert store.degraded is None
    await store.run(save)
    assert await store.run(load) == BEFORE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("ALTER TABLE baselines RENAME COLUMN ours TO given", "baselines has no ours"),
        ("ALTER TABLE meta RENAME TO m; CREATE VIEW meta AS SELECT * FROM m", "view"),
        ("INSERT INTO baselines VALUES ('boot', 3, 'e', 5, '[30')", "cannot be parsed"),
        ("INSERT INTO pods VALUES ('uid', 'boot', '{}')", "cannot be parsed"),
        (
            "INSERT INTO outbox VALUES ('n', 's', 'u', 0, '{\"kill\": 1}', 'Pending', '')",
            "cannot be parsed",
        ),
        ("INSERT INTO meta VALUES ('count.recorded', CAST(x'31ff' AS TEXT))", "decode"),
        ("INSERT INTO meta VALUES ('log.boot', '[]')", "cannot be parsed"),
    ],
)
async def test_a_store_that_cannot_be_parsed_is_set_aside_and_replaced(
    reopened: Reopen, change: str, reason: str
) -> None:
    store = await reopened(change)
    assert store.degraded is not None
    assert reason in store.degraded
    assert "set aside as s.corrupt" in store.degraded
    assert store.is_new
    await store.run(save)
    assert await store.run(load) == BEFORE


async def test_the_check_of_a_store_changes_nothing(reopened: Reopen) -> None:
    store = await reopened("INSERT INTO baselines VALUES ('an earlier boot', 3, 'e', 5, '[]')")
    query = "SELECT count(*) FROM baselines"
    assert await store.run(lambda db: db.execute(query).fetchone()) == (3,)
