"""Excess records are deleted, and nothing that the API server answers ends the loop."""

import asyncio
import logging

import pytest
from oomwarden.controller.main import parse
from oomwarden.controller.retention.deletions import TRIES
from oomwarden.controller.retention.retention import FIRST_SECONDS, LISTS, REST_SECONDS
from oomwarden.core.quota.retention import Bounds, StoredRecord
from oomwarden.kube.oomkill_pages import ListExpiredError

from tests.support.stored_records import AWAY, FIVE, REFUSED, FakeStore, record, retention


async def test_a_round_reads_all_pages_and_deletes_what_exceeds_the_bounds() -> None:
    store = FakeStore(FIVE)
    assert await retention(store).run_round()
    assert store.deleted == ["a-0", "a-1", "a-2"]
    assert store.tokens == ["", "2", "4"]


async def test_excess_that_only_the_end_of_the_list_shows_is_deleted_too() -> None:
    store = FakeStore(FIVE)
    assert await retention(store, Bounds(days=0, per_pod=0, per_namespace=4)).run_round()
    assert store.deleted == ["a-0"]


async def test_excess_over_the_clusters_bound_is_deleted_in_the_fullest_namespace() -> None:
    store = FakeStore([*(record(n, hours=10 - n) for n in range(8)), record(1, 3, "bank")])
    loop = retention(store, Bounds(days=0, per_pod=0, per_namespace=0, per_cluster=5))
    assert await loop.run_round()  # counts
    assert store.deleted == []
    assert await loop.run_round()
    assert store.deleted == [f"a-{n}" for n in range(5)]


async def test_a_record_that_another_operator_has_deleted_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FakeStore(FIVE)

    def deleted_meanwhile(record: StoredRecord) -> None:
        store.records = [one for one in store.records if one != record]

    store.when_deleted = deleted_meanwhile
    with caplog.at_level(logging.INFO):
        assert await retention(store).run_round()
    assert caplog.text == ""


async def test_an_expired_list_starts_again() -> None:
    store = FakeStore(FIVE)

    def expire_once(token: str) -> None:
        if token == "4" and store.tokens.count("4") == 1:  # noqa: S105 - of a list
            raise ListExpiredError

    store.when_listed = expire_once
    assert await retention(store).run_round()
    assert store.tokens == ["", "2", "4", "", "2", "4"]
    assert set(store.deleted) == {"a-0", "a-1", "a-2"}


async def test_lists_that_always_expire_are_left_to_the_next_round() -> None:
    store = FakeStore(FIVE)

    def expire(token: str) -> None:
        if token:
            raise ListExpiredError

    store.when_listed = expire
    assert await retention(store).run_round()
    assert len(store.tokens) == 2 * LISTS


async def test_a_refused_deletion_is_logged_once_retried_each_round_and_delays_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FakeStore([*FIVE, *(record(number, 9, namespace="zoo") for number in range(3))])

    def refuse(record: StoredRecord) -> None:
        if record.namespace == "shop":
            tried.append(record.name)
            raise REFUSED

    tried: list[str] = []
    store.when_deleted = refuse
    loop = retention(store)
    with caplog.at_level(logging.WARNING):
        assert await loop.run_round()
        assert await loop.run_round()
    assert store.deleted == ["a-0", "a-0"]
    assert tried == ["a-0", "a-1", "a-2"] * 2
    (line,) = caplog.messages
    assert "namespace shop were not deleted" in line
    assert "keep.example.com" in line


async def test_a_refused_deletion_is_not_retried_when_the_list_starts_again() -> None:
    store = FakeStore(FIVE)
    tried: list[str] = []

    def refuse(record: StoredRecord) -> None:
        tried.append(record.name)
        raise REFUSED

    def expire_once(token: str) -> None:
        if token == "4" and store.tokens.count("4") == 1:  # noqa: S105 - of a list
            raise ListExpiredError

    store.when_deleted, store.when_listed = refuse, expire_once
    assert await retention(store).run_round()
    assert tried == ["a-0", "a-1", "a-2"]


async def test_an_unavailable_api_server_ends_the_round_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FakeStore(FIVE)
    tried: list[str] = []

    def fail(record: StoredRecord) -> None:
        tried.append(record.name)
        raise AWAY

    store.when_deleted = fail
    loop = retention(store)
    with caplog.at_level(logging.WARNING):
        assert not await loop.run_round()
        assert not await loop.run_round()
    assert tried == ["a-0"] * 2 * TRIES
    assert len(caplog.messages) == 1


async def test_the_loop_continues_after_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    store = FakeStore(FIVE)
    rounds = 0

    def fail_at_first(token: str) -> None:
        nonlocal rounds
        rounds += not token
        if rounds < 3:
            raise AWAY

    store.when_listed = fail_at_first
    with caplog.at_level(logging.INFO):
        task = asyncio.create_task(retention(store).run())
        while len(store.deleted) < 3:
            assert not task.done()
            await asyncio.sleep(0)
        task.cancel()
    assert "OOMKills are kept: 2 per pod" in caplog.text
    assert 0 < store.slept[0] < 2 * FIRST_SECONDS
    assert 0 < store.slept[1] < 2 * REST_SECONDS
    assert caplog.text.count("retention is interrupted") == 1


def test_the_bounds_come_from_the_command_line_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OOMWARDEN_RETENTION_DAYS", "7")
    options = parse(["--namespace", "oomwarden", "--retention-per-pod", "0"])
    assert (options.days, options.per_pod, options.per_namespace) == (7, 0, 1000)
    assert options.per_cluster == 50_000


@pytest.mark.parametrize("value", ["-1", "ten", "", "1.5"])
def test_an_invalid_bound_is_refused_with_its_argument_and_variable(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OOMWARDEN_RETENTION_PER_NAMESPACE", value)
    with pytest.raises(SystemExit):
        parse([])
    message = capsys.readouterr().err
    assert f"--retention-per-namespace: {value!r}" in message
    assert "OOMWARDEN_RETENTION_PER_NAMESPACE" in message
    assert "0: unlimited" in message


async def test_deleted_records_are_counted_by_bound_and_the_others_are_known() -> None:
    loop = retention(FakeStore(FIVE))
    assert loop.retained is None
    await loop.run_round()
    assert loop.deleted == {"Pod": 3}
    assert loop.retained == 2


async def test_a_record_that_another_operator_has_deleted_is_not_counted() -> None:
    store = FakeStore(list(FIVE))
    store.when_deleted = store.records.remove
    loop = retention(store)
    await loop.run_round()
    assert loop.deleted.total() == 0


async def test_between_rounds_the_records_are_counted_again() -> None:
    store = FakeStore(list(FIVE))
    loop = retention(store)
    task = asyncio.create_task(loop.run())
    for turn in range(400):
        await asyncio.sleep(0)
        if turn == 200:
            store.records += [record(number, 1) for number in range(100, 107)]
    task.cancel()
    assert loop.retained == 12
    assert loop.progress > 0
