"""What is needed of an object is all that is handed on of it, listed or told."""

from typing import Any

from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.kept import Kept
from oomwarden.kube.transport.resources import OOMPolicy

from tests.support.fake_api import FakeApi, listing, thing, watch

POLICIES = ListOptions(OOMPolicy)


def slim(manifest: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": manifest["metadata"]["resourceVersion"]}}


async def test_lists_and_events_hold_what_is_kept_and_bookmarks_and_errors_stay_as_they_are(
) -> None:  # fmt: skip
    status = {"kind": "Status", "code": 410}
    told = [("ADDED", thing("a", 8)), ("BOOKMARK", thing("", 9)), ("ERROR", status)]
    async with FakeApi([listing(7, "a"), watch(*told)]).client() as client:
        kept = Kept(client, slim)
        assert (await kept.listing(POLICIES)).objects == [slim(thing("a"))]
        events = [event async for event in kept.watching(POLICIES, "7", 60)]
    assert events[1:] == [("ADDED", slim(thing("", 8))), *told[1:]]


async def test_a_list_may_become_something_that_replaces_all_at_once() -> None:
    async with FakeApi([listing(7, "a", "b")]).client() as client:
        kept = Kept(client, of_list=lambda each: each["metadata"]["name"])
        assert (await kept.listing(POLICIES)).objects == ["a", "b"]


async def test_an_event_nested_as_deeply_as_the_api_server_takes_is_read() -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"f:x": deep}
    told = thing("a", 8) | {"fieldsV1": deep}
    async with FakeApi([watch(("ADDED", told))]).client() as client:
        events = [event async for event in client.watching(POLICIES, "7", 60)]
    assert events[1][1]["metadata"]["name"] == "a"
