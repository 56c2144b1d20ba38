"""An offset follows the request of a container that was resized in place, where that is known."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from oomwarden.agent.baselines.offsets import OffsetReferences
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.store.database import Database
from oomwarden.api.oomkill import ContainerType
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.pod import ContainerFacts

from tests.support.pods import pod
from tests.support.stores import store_at

GI = 1 << 30


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    store = store_at(tmp_path / "store.sqlite")
    await store.open()
    yield store
    await store.close()


def container(digit: str = "a") -> Container:
    return Container(Cgroup(7, "x", Level.CONTAINER, "u", digit * 64), 0.0)


def reference(
    references: OffsetReferences, request: int, given: int | None, digit: str = "a"
) -> int | None:
    facts = ContainerFacts("app", ContainerType.APP, digit * 64, request=request)
    return references.of(container(digit), replace(pod(), containers=(facts,)), facts, given)


async def test_it_moves_with_the_request_once_the_score_was_seen_to_follow_it(
    store: Database,
) -> None:
    references = OffsetReferences(store, "boot", capacity=8 * GI)
    assert reference(references, GI, 875) == 875
    assert reference(references, 2 * GI, 875) == 750
    assert reference(references, GI, 875) == 875


async def test_a_score_of_another_making_stays_the_reference(store: Database) -> None:
    references = OffsetReferences(store, "boot", capacity=8 * GI)
    assert reference(references, GI, 800) == 800
    assert reference(references, 2 * GI, 800) == 800


async def test_without_a_baseline_there_is_none(store: Database) -> None:
    assert reference(OffsetReferences(store, "boot", capacity=8 * GI), GI, None) is None


async def test_the_next_agent_knows_it_and_reads_a_new_container_afresh(
    store: Database,
) -> None:
    first = OffsetReferences(store, "boot", capacity=8 * GI)
    reference(first, GI, 875)
    await first.try_save()
    second = OffsetReferences(store, "boot", capacity=8 * GI)
    await second.load()
    assert reference(second, 2 * GI, 875) == 750
    assert reference(second, 2 * GI, 875, "b") == 875, "another container with the inode"
    second.keep_only(())
    assert reference(second, 2 * GI, 875) == 875


async def test_what_was_known_of_an_earlier_boot_is_deleted(store: Database) -> None:
    first = OffsetReferences(store, "boot", capacity=8 * GI)
    reference(first, GI, 875)
    await first.try_save()
    other = OffsetReferences(store, "reboot", capacity=8 * GI)
    await other.load()
    assert reference(other, 2 * GI, 875) == 875


async def test_what_could_not_be_saved_is_saved_the_next_time(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_work: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    first, second = (OffsetReferences(store, "boot", capacity=8 * GI) for _ in range(2))
    reference(first, GI, 875)
    with monkeypatch.context() as broken:
        broken.setattr(store, "run", fail)
        await first.try_save()
    await second.load()
    assert reference(second, 2 * GI, 875) == 875
    await first.try_save()
    await second.load()
    assert reference(second, 2 * GI, 875) == 750
