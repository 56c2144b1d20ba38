"""What is over the bounds is deleted, and nothing that the API server answers ends the loop."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
import pytest
from oomwarden.controller.main import parse
from oomwarden.controller.retention import FIRST_SECONDS, LISTS, PER_SECOND, Retention
from oomwarden.core.retention import Bounds, Record
from oomwarden.kube.records import ListExpiredError, Page, RefusedError

NOW = 1_800_000_000.0
HOUR = 3600.0


def record(number: int, hours: float, namespace: str = "shop", pod: str = "a") -> Record:
    name = f"{pod}-{number}"
    return Record(NOW - hours * HOUR, name, namespace, f"uid-{namespace}-{name}", pod)


REFUSED = RefusedError('403 Forbidden: admission webhook "keep.example.com" denied the request')
AWAY = httpx2.ConnectError("connection refused")


@dataclass
class FakeStore:
    """Serves records two a page; `when_listed` and `when_deleted` may raise instead."""

    records: list[Record]
    deleted: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    when_listed: Callable[[str], None] = lambda _: None
    when_deleted: Callable[[Record], None] = lambda _: None

    async def page(self, token: str) -> Page:
        self.tokens.append(token)
        self.when_listed(token)
        start = int(token or 0)
        rest = len(self.records) > start + 2
        return Page(self.records[start : start + 2], NOW, str(start + 2) if rest else "")

    async def delete(self, record: Record) -> bool:
        self.when_deleted(record)
        found = record in self.records
        self.deleted.append(record.name)
        return found

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


FIVE = [record(number, hours=10 - number) for number in range(5)]
KEEP_TWO = Bounds(days=0, per_pod=2, per_namespace=0)


def retention(store: FakeStore, bounds: Bounds = KEEP_TWO) -> Retention:
    return Retention(bounds, store, store.sleep)


async def test_a_round_reads_all_parts_and_deletes_what_is_over_the_bounds() -> None:
    store = FakeStore(FIVE)
    assert await retention(store).round()
    assert store.deleted == ["a-0", "a-1", "a-2"]
    assert store.tokens == ["", "2", "4"]


async def test_what_only_the_end_of_the_list_shows_to_be_too_many_goes_too() -> None:
    store = FakeStore(FIVE)
    assert await retention(store, Bounds(days=0, per_pod=0, per_namespace=4)).round()
    assert store.deleted == ["a-0"]


async def test_deletions_have_a_rate() -> None:
    store = FakeStore(FIVE)
    await retention(store).round()
    assert store.slept == [1 / PER_SECOND] * 3


async def test_what_another_operator_has_deleted_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FakeStore(FIVE)

    def deleted_meanwhile(record: Record) -> None:
        store.records = [one for one in store.records if one != record]

    store.when_deleted = deleted_meanwhile
    with caplog.at_level(logging.INFO):
        assert await retention(store).round()
    assert caplog.text == ""


async def test_a_list_that_expired_is_begun_anew() -> None:
    store = FakeStore(FIVE)

    def expire_once(token: str) -> None:
        if token == "4" and store.tokens.count("4") == 1:  # noqa: S105 - of a list
            raise ListExpiredError

    store.when_listed = expire_once
    assert await retention(store).round()
    assert store.tokens == ["", "2", "4", "", "2", "4"]
    assert set(store.deleted) == {"a-0", "a-1", "a-2"}


async def test_lists_that_always_expire_are_left_to_the_next_round() -> None:
    store = FakeStore(FIVE)

    def expire(token: str) -> None:
        if token:
            raise ListExpiredError

    store.when_listed = expire
    assert await retention(store).round()
    assert len(store.tokens) == 2 * LISTS


async def test_a_refused_deletion_is_told_once_tried_in_each_round_and_holds_up_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FakeStore([*FIVE, *(record(number, 9, namespace="zoo") for number in range(3))])

    def refuse(record: Record) -> None:
        if record.namespace == "shop":
            tried.append(record.name)
            raise REFUSED

    tried: list[str] = []
    store.when_deleted = refuse
    loop = retention(store)
    with caplog.at_level(logging.WARNING):
        assert await loop.round()
        assert await loop.round()
    assert store.deleted == ["a-0", "a-0"]
    assert tried == ["a-0", "a-1", "a-2"] * 2
    (line,) = caplog.messages
    assert "namespace shop were not deleted" in line
    assert "keep.example.com" in line


async def test_a_refused_deletion_is_not_tried_again_when_the_list_is_begun_anew() -> None:
    store = FakeStore(FIVE)
    tried: list[str] = []

    def refuse(record: Record) -> None:
        tried.append(record.name)
        raise REFUSED

    def expire_once(token: str) -> None:
        if token == "4" and store.tokens.count("4") == 1:  # noqa: S105 - of a list
            raise ListExpiredError

    store.when_deleted, store.when_listed = refuse, expire_once
    assert await retention(store).round()
    assert tried == ["a-0", "a-1", "a-2"]


async def test_an_api_server_that_answers_nobody_ends_the_round_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FakeStore(FIVE)
    tried: list[str] = []

    def fail(record: Record) -> None:
        tried.append(record.name)
        raise AWAY

    store.when_deleted = fail
    loop = retention(store)
    with caplog.at_level(logging.WARNING):
        assert not await loop.round()
        assert not await loop.round()
    assert tried == ["a-0", "a-0"]
    assert len(caplog.messages) == 1


async def test_the_loop_goes_on_after_an_outage(caplog: pytest.LogCaptureFixture) -> None:
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
    assert "OOMKills are kept: 2 of a pod" in caplog.text
    assert 0 < store.slept[0] < 2 * FIRST_SECONDS
    assert caplog.text.count("retention is interrupted") == 1


def test_the_bounds_come_from_the_command_line_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OOMWARDEN_RETENTION_DAYS", "7")
    options = parse(["--namespace", "oomwarden", "--retention-per-pod", "0"])
    assert (options.days, options.per_pod, options.per_namespace) == (7, 0, 1000)


@pytest.mark.parametrize("value", ["-1", "ten", "", "1.5"])
def test_a_bound_that_is_no_number_is_refused_with_its_names(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OOMWARDEN_RETENTION_PER_NAMESPACE", value)
    with pytest.raises(SystemExit):
        parse([])
    said = capsys.readouterr().err
    assert f"--retention-per-namespace: it is {value!r}" in said
    assert "OOMWARDEN_RETENTION_PER_NAMESPACE" in said
    assert "0: no bound" in said
