"""Of all records names are listed, and only young ones are read."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from oomwarden.kube.young_kills import YoungKills

from tests.kube.fake_api import Answer, FakeApi, body, status, watch

NOW = datetime(2026, 11, 26, 20, 0, 0, tzinfo=UTC)


def page(token: str, **ages: float) -> Answer:
    items = [
        {"metadata": {
            "name": name, "namespace": "shop",
            "creationTimestamp": (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }}
        for name, age in ages.items()
    ]  # fmt: skip
    found = body({"metadata": {"resourceVersion": "5", "continue": token}, "items": items})
    headers = {**found.headers, "Date": format_datetime(NOW, usegmt=True)}
    return Answer(found.code, found.lines, headers)


def named(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "resourceVersion": "9"}}


async def test_young_records_are_read_and_old_ones_never() -> None:
    api = FakeApi([
        page("more", old=3600, young=5),
        body(named("young")),
        page("", younger=1, gone=1),
        body(named("younger")),
        status(404, "NotFound", "gone"),
        watch(("ADDED", named("new")), hangs=True),
    ])  # fmt: skip
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with api.client() as client:
        following = asyncio.create_task(YoungKills(client).follow(told.put_nowait))
        names = [(await told.get())["metadata"]["name"] for _ in range(3)]
        following.cancel()
    assert names == ["young", "younger", "new"]
    assert not any(request.path.endswith("/old") for request in api.requests)
    assert api.requests[-1].query["resourceVersion"] == "5"


async def test_a_response_goes_to_the_status_alone() -> None:
    api = FakeApi([body({})])
    async with api.client() as client:
        await YoungKills(client).write_response("shop", "k", {"action": "None"})
    (request,) = api.requests
    assert request.path.endswith("/namespaces/shop/oomkills/k/status")
    assert request.body == {"status": {"response": {"action": "None"}}}


async def test_a_record_or_node_that_is_gone_is_no_error() -> None:
    api = FakeApi([status(404, "NotFound", "gone"), status(404, "NotFound", "gone")])
    async with api.client() as client:
        await YoungKills(client).write_response("shop", "k", {})
        assert await YoungKills(client).node_status("n") == {}
