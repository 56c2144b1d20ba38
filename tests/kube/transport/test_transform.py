"""Only the needed fields of listed and watched objects are passed on."""

from typing import Any

from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.resources import OOMPolicy
from oomwarden.kube.transport.transform import TransformingListerWatcher

from tests.support.fake_api import FakeApi, listing, thing, watch

POLICIES = ListOptions(OOMPolicy)


def slim(manifest: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": manifest["metadata"]["resourceVersion"]}}


async def test_lists_and_events_are_transformed_but_not_bookmarks_and_errors(
) -> None:  # fmt: skip
    status = {"kind": "Status", "code": 410}
    changes = [("ADDED", thing("a", 8)), ("BOOKMARK", thing("", 9)), ("ERROR", status)]
    async with FakeApi([listing(7, "a"), watch(*changes)]).client() as client:
        kept = TransformingListerWatcher(client, slim)
        assert (await kept.list_objects(POLICIES)).objects == [slim(thing("a"))]
        events = [event async for event in kept.watch_objects(POLICIES, "7", 60)]
    assert events[1:] == [("ADDED", slim(thing("", 8))), *changes[1:]]


async def test_a_list_can_have_its_own_transform() -> None:
    async with FakeApi([listing(7, "a", "b")]).client() as client:
        kept = TransformingListerWatcher(
            client, list_transform=lambda each: each["metadata"]["name"]
        )
        assert (await kept.list_objects(POLICIES)).objects == ["a", "b"]


async def test_an_event_as_deeply_nested_as_the_api_server_accepts_is_read() -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"f:x": deep}
    nested = thing("a", 8) | {"fieldsV1": deep}
    async with FakeApi([watch(("ADDED", nested))]).client() as client:
        events = [event async for event in client.watch_objects(POLICIES, "7", 60)]
    assert events[1][1]["metadata"]["name"] == "a"
