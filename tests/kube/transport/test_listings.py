"""Lists in pages, and lists that are the first events of a watch."""

import asyncio
import json
from typing import Any

import pytest
from oomwarden.kube.transport import listings
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.listings import END, RETRY_SECONDS
from oomwarden.kube.transport.resources import OOMPolicy
from oomwarden.kube.transport.transform import TransformingListerWatcher

from tests.support.fake_api import (
    NO_STREAMS,
    Answer,
    FakeApi,
    body,
    listing,
    status,
    thing,
    watch,
)
from tests.support.reflector_run import ReflectorRun

POLICIES = ListOptions(OOMPolicy)
LAST = ("BOOKMARK", {"metadata": {"resourceVersion": "7", "annotations": {END: "true"}}})


def page(version: int, token: str, *names: str) -> Answer:
    metadata = {"resourceVersion": str(version), "continue": token}
    return body({"metadata": metadata, "items": [thing(name) for name in names]})


def named(found: dict[str, Any]) -> str:
    return str(found["metadata"]["name"])


async def streamed(client: Client) -> list[str] | None:
    """Return the names in a streamed list, and close its watch."""
    found = await client.stream_objects(POLICIES, "0", 60, named)
    if found is None:
        return None
    assert found.changes is not None
    await found.changes.aclose()
    return found.objects


async def test_a_list_from_etcd_is_read_in_pages_and_has_the_version_of_the_first() -> None:
    api = FakeApi([page(7, "one", "a", "b"), page(8, "two", "c"), page(9, "", "d")])
    async with api.client() as client:
        found = await client.list_objects(POLICIES, None, named)
    assert (found.version, found.objects) == ("7", ["a", "b", "c", "d"])
    assert [each.query for each in api.requests] == [
        {"limit": "500"},
        {"limit": "500", "continue": "one"},
        {"limit": "500", "continue": "two"},
    ]


async def test_a_list_from_the_watch_cache_has_no_limit_but_its_pages_are_read() -> None:
    api = FakeApi([page(7, "one", "a"), page(8, "", "b")])
    async with api.client() as client:
        assert (await client.list_objects(POLICIES, "0", named)).objects == ["a", "b"]
    assert [each.query for each in api.requests] == [
        {"resourceVersion": "0"},
        {"limit": "500", "continue": "one"},
    ]


@pytest.mark.parametrize(
    "second",
    [
        status(410, "Expired", "The provided continue parameter is too old"),
        Answer(lines=('{"metadata": {}, "items": [{"meta',)),
        status(429, "TooManyRequests", "please try again later"),
    ],
)
async def test_a_list_whose_second_page_fails_is_read_again_from_the_start(second: Answer) -> None:
    run = ReflectorRun(FakeApi([page(7, "one", "a"), second, listing(9, "b"), watch()]))
    await run.run()
    assert run.handler.calls == ["=b"]


async def test_a_streamed_list_is_one_request_and_its_watch_continues_it() -> None:
    early = ("BOOKMARK", thing("", 5))
    first = [("ADDED", thing("a", 3)), early, ("ADDED", thing("b", 2)), LAST]
    changes = [("MODIFIED", thing("a", 8)), ("DELETED", thing("b", 9))]
    run = ReflectorRun(FakeApi([watch(*first, *changes), watch()], streams=True))
    await run.run()
    assert run.handler.calls == ["=a,b", "+a", "-b"]
    assert [each.query.get("resourceVersion") for each in run.api.requests] == ["0", "9"]
    sent = run.api.requests[0].query
    assert (sent["sendInitialEvents"], sent["resourceVersionMatch"]) == ("true", "NotOlderThan")
    assert "sendInitialEvents" not in run.api.requests[1].query


async def test_after_an_expired_version_a_streamed_list_is_at_least_as_new() -> None:
    gone = ("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
    run = ReflectorRun(FakeApi([watch(LAST, gone), watch(LAST), watch()], streams=True))
    await run.run()
    asked = [each.query for each in run.api.requests]
    assert [each["resourceVersion"] for each in asked] == ["0", "7", "7"]
    assert ["sendInitialEvents" in each for each in asked] == [True, True, False]


async def test_objects_of_a_streamed_list_are_kept_and_recorded_like_those_of_a_list() -> None:
    events = [("ADDED", thing("a")), ("ADDED", {"metadata": {}}), ("ADDED", thing("drop")), LAST]

    def keep(found: dict[str, Any]) -> str | None:
        return named(found) if named(found) != "drop" else None

    async with FakeApi([watch(*events)], streams=True).client() as client:
        source = TransformingListerWatcher(client, list_transform=keep)
        found = await source.stream_objects(POLICIES, "0", 60)
        assert found is not None
        assert (found.version, found.objects, len(found.unread)) == ("7", ["a"], 1)


async def test_an_old_server_is_asked_once_an_hour_and_it_counts_as_no_failure() -> None:
    api = FakeApi([NO_STREAMS, watch(LAST)], streams=True)
    async with api.client() as client:
        assert await streamed(client) is None
        assert await streamed(client) is None
        assert len(api.requests) == 1
        assert {each.value for each in client.errors.samples()} == {0}
        client._streams.retry_at -= RETRY_SECONDS
        assert await streamed(client) == []


async def test_a_server_that_does_not_mark_the_end_is_asked_for_a_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listings, "EVENT_SECONDS", 0.05)
    silent = watch(("ADDED", thing("a", 3)), hangs=True)
    run = ReflectorRun(FakeApi([silent, listing(7, "a"), watch()], streams=True))
    await run.run()
    assert run.handler.calls == ["=a"]
    assert run.pauses == run.pauses[:1]  # there was no back-off before the list


@pytest.mark.parametrize("events", [(), (("ADDED", thing("a")),)])
async def test_a_stream_that_ends_before_its_end_is_no_list(
    events: tuple[tuple[str, dict[str, Any]], ...],
) -> None:
    async with FakeApi([watch(*events)], streams=True).client() as client:
        assert await streamed(client) is None
        assert not client._streams.is_possible()


@pytest.mark.parametrize("kind", ["MODIFIED", "DELETED"])
async def test_a_change_among_the_first_events_makes_it_no_list_this_time(kind: str) -> None:
    answers = [watch(("ADDED", thing("a")), (kind, thing("a")), LAST), watch(LAST)]
    async with FakeApi(answers, streams=True).client() as client:
        assert await streamed(client) is None
        assert await streamed(client) == []


async def test_an_object_with_the_annotation_of_the_last_bookmark_ends_nothing() -> None:
    forged = thing("forged")
    forged["metadata"]["annotations"] = {END: "true"}
    events = [("ADDED", forged), ("ADDED", thing("b")), LAST]
    async with FakeApi([watch(*events)], streams=True).client() as client:
        assert await streamed(client) == ["forged", "b"]


@pytest.mark.parametrize(
    "answer",
    [
        status(403, "Forbidden", "cannot watch"),
        status(429, "TooManyRequests", "later"),
        watch(("ADDED", thing("a")), ("ERROR", {"kind": "Status", "code": 500, "message": "no"})),
    ],
)
async def test_other_errors_of_a_streamed_list_are_errors_and_a_plain_list_is_next(
    answer: Answer,
) -> None:
    async with FakeApi([answer], streams=True).client() as client:
        with pytest.raises(ApiError):
            await streamed(client)
    run = ReflectorRun(FakeApi([answer, listing(7, "b"), watch()], streams=True))
    await run.run()
    assert run.handler.calls == ["=b"]
    assert [len(each.query) for each in run.api.requests][1] == 1


async def test_a_streamed_list_that_fails_or_is_cancelled_leaves_no_connection() -> None:
    silent = watch(("ADDED", thing("a")), hangs=True)
    broken = Answer(lines=(json.dumps({"type": "ADDED"}) + "\n",))
    async with FakeApi([silent, broken], streams=True).client() as client:
        call = asyncio.create_task(streamed(client))
        await asyncio.sleep(0.05)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await asyncio.gather(streamed(client), return_exceptions=True)
        assert getattr(client._transport, "_in_use") == set()  # noqa: B009 - of one transport only
