import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.store.database import Database
from oomwarden.core.enforcement.plan import Baseline
from oomwarden.core.model.cgroup import Cgroup, Level

from tests.support.stores import store_at


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    store = store_at(tmp_path / "store.sqlite")
    await store.open()
    yield store
    await store.close()


def container(inode: int = 7, digit: str = "a", *, existed: bool = False) -> Container:
    return Container(Cgroup(inode, "x", Level.CONTAINER, "u", digit * 64), 0.0, existed=existed)


async def loaded(store: Database, boot: str = "boot", *, lost: bool = False) -> Baselines:
    baselines = Baselines(store, boot)
    await baselines.begin(store_lost=lost)
    return baselines


async def test_what_was_saved_is_there_for_the_next_agent(store: Database) -> None:
    first = await loaded(store)
    first.learn(container(), 899)
    first.put(container(), Baseline(899, frozenset({-500, -300})))
    assert not first.is_saved(container())
    await first.save()
    assert first.is_saved(container())
    second = await loaded(store)
    assert second.get(container()) == Baseline(899, frozenset({-500, -300}))
    assert second.is_saved(container())


async def test_the_first_score_is_kept_whatever_is_read_later(store: Database) -> None:
    baselines = await loaded(store)
    baselines.learn(container(), 899)
    baselines.learn(container(), -500)
    assert baselines.get(container()) == Baseline(899)


async def test_another_container_with_the_same_inode_is_another(store: Database) -> None:
    baselines = await loaded(store)
    baselines.learn(container(digit="a"), 899)
    assert baselines.get(container(digit="b")) is None
    baselines.learn(container(digit="b"), 5)
    await baselines.save_all()
    following = await loaded(store)
    assert following.get(container(digit="b")) == Baseline(5)


async def test_rows_of_an_earlier_boot_are_deleted(store: Database) -> None:
    before = await loaded(store, "old")
    before.learn(container(), 899)
    await before.save()
    after = await loaded(store, "new")
    assert after.get(container()) is None
    assert await store.run(count) == 0


async def test_after_a_lost_store_only_new_containers_have_a_baseline(store: Database) -> None:
    baselines = await loaded(store, lost=True)
    old, new = container(7, existed=True), container(8, "b")
    baselines.learn(old, -500)
    baselines.learn(new, 899)
    assert baselines.get(old) == Baseline(None, frozenset({-500}))
    assert baselines.get(new) == Baseline(899)
    assert not baselines.applied(), "oomwarden may not have set what was found"
    await baselines.save_all()
    following = await loaded(store)
    assert following.get(old) == Baseline(None, frozenset({-500}))


async def test_containers_that_may_hold_oomwardens_values_are_counted(store: Database) -> None:
    baselines = await loaded(store, lost=True)
    baselines.put(container(1), Baseline(899))
    baselines.put(container(2), Baseline(899, frozenset({5})))
    baselines.put(container(3), Baseline(None, frozenset({-500, 5})))
    baselines.put(container(4), Baseline(None))
    assert len(baselines.applied()) == 2


async def test_containers_that_are_gone_are_forgotten(store: Database) -> None:
    baselines = await loaded(store)
    for inode in (7, 8):
        baselines.learn(container(inode), 899)
    await baselines.save_all()
    baselines.keep_only([8])
    assert baselines.get(container(7)) is None
    await baselines.save_all()
    assert await store.run(count) == 2, "it does no harm, and is deleted with the next change"
    baselines.learn(container(9), 899)
    await baselines.save_all()
    assert await store.run(count) == 2


async def test_what_could_not_be_saved_is_saved_the_next_time(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_work: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    baselines = await loaded(store)
    baselines.learn(container(), 899)
    with monkeypatch.context() as broken:
        broken.setattr(store, "run", fail)
        with pytest.raises(sqlite3.OperationalError):
            await baselines.save_all()
    assert not baselines.is_saved(container())
    await baselines.save_all()
    assert baselines.is_saved(container())


def count(db: sqlite3.Connection) -> int:
    found: tuple[int] = db.execute("SELECT count(*) FROM baselines").fetchone()
    return found[0]
