"""All records are listed as metadata, and only recent ones are read."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.kube import recent_oomkills
from oomwarden.kube.raising_policies import RaisingPolicies, has_on_oom
from oomwarden.kube.recent_oomkills import RecentOOMKills
from oomwarden.kube.transport.errors import ApiError

from tests.support.fake_api import Answer, FakeApi, body, status, thing, watch

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


def named(name: str, namespace: str = "shop") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, "resourceVersion": "9"}}


def policy(name: str, namespace: str | None, rule: dict[str, Any]) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {
        "metadata": {"name": name, "resourceVersion": "4", **place},
        "spec": {"rules": [{"oomScoreAdj": 1}, rule]},
    }


def policies(
    *own: dict[str, Any], everywhere: tuple[dict[str, Any], ...] = ()
) -> dict[str, Answer]:
    head = {"metadata": {"resourceVersion": "4"}}
    return {
        "oompolicies": body(head | {"items": own}),
        "clusteroompolicies": body(head | {"items": everywhere}),
    }


RAISES: dict[str, Any] = {"onOOM": {"raiseLimit": {"upTo": "1Gi"}}}
SHOP = policies(policy("grow", "shop", RAISES), policy("calm", "other", {"oomScoreAdj": 5}))


async def read_names(api: FakeApi, count: int) -> list[str]:
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with api.client() as client:
        watching = asyncio.create_task(RecentOOMKills(client).watch(received.put_nowait))
        names = [(await received.get())["metadata"]["name"] for _ in range(count)]
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    assert received.empty()
    return names


async def test_only_recent_records_are_read() -> None:
    api = FakeApi([
        page("more", old=3600, young=5),
        page("", younger=1, gone=1),
        body(named("young")),
        body(named("younger")),
        status(404, "NotFound", "gone"),
        watch(("ADDED", named("elsewhere", "other")), ("ADDED", named("new")), hangs=True),
    ])  # fmt: skip
    api.always = SHOP
    names = await read_names(api, 3)
    assert names == ["young", "younger", "new"]
    assert not any(request.path.endswith("/old") for request in api.requests)
    assert api.requests[-1].query["resourceVersion"] == "5"


async def test_records_of_namespaces_without_onoom_policy_are_not_read() -> None:
    page_of_other = page("", young=5)
    text = page_of_other.lines[0].replace("shop", "other")
    answers = [
        Answer(200, (text,), page_of_other.headers),
        watch(("ADDED", named("new")), hangs=True),
    ]
    api = FakeApi(answers, always=SHOP)
    assert await read_names(api, 1) == ["new"]
    assert not any("young" in request.path for request in api.requests)


async def test_a_cluster_policy_with_onoom_applies_to_every_namespace() -> None:
    everywhere = policies(everywhere=(policy("grow", None, RAISES),))
    api = FakeApi([page(""), watch(("ADDED", named("k", "any")), hangs=True)], always=everywhere)
    assert await read_names(api, 1) == ["k"]


async def test_only_the_first_of_many_recent_records_of_a_namespace_are_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recent_oomkills, "MAX_PER_NAMESPACE", 1)
    answers = [page("", a=1, b=1, c=1), body(named("a")), watch(("ADDED", named("k")), hangs=True)]
    assert await read_names(FakeApi(answers, always=SHOP), 2) == ["a", "k"]
    assert "namespace shop has 3 recent OOMKills; only the first 1 get a response" in caplog.text


async def test_many_recent_records_of_a_namespace_are_read_with_one_list() -> None:
    names = [f"k{number}" for number in range(recent_oomkills.MAX_SINGLE_READS + 1)]
    old_and_new = body({
        "metadata": {"resourceVersion": "6"}, "items": [named(name) for name in ["old", *names]],
    })  # fmt: skip
    api = FakeApi(
        [page("", old=3600, **dict.fromkeys(names, 1.0)), old_and_new, watch(hangs=True)],
        always=SHOP,
    )
    assert await read_names(api, len(names)) == names
    listed = [each for each in api.requests if each.path.endswith("/namespaces/shop/oomkills")]
    assert [each.query["resourceVersion"] for each in listed] == ["5"]


def test_changes_and_deletions_of_policies_are_followed() -> None:
    found = RaisingPolicies(None)  # type: ignore[arg-type]
    own, everywhere = found._own, found._everywhere
    own.apply(policy("a", "shop", RAISES))
    own.apply(policy("b", "shop", RAISES))
    own.apply(policy("a", "shop", {"oomScoreAdj": 5}))
    assert (found.may_respond("shop"), found.may_respond("other")) == (True, False)
    own.delete(policy("b", "shop", RAISES))
    assert (found.may_respond("shop"), own.names) == (False, {})
    everywhere.apply(policy("c", None, RAISES))
    assert found.may_respond("other")


@pytest.mark.parametrize(
    "spec", [None, "x", {}, {"rules": None}, {"rules": "x"}, {"rules": 5}, {"rules": [5]}]
)
def test_an_invalid_policy_has_no_onoom(spec: object) -> None:
    assert not has_on_oom({"metadata": {"name": "x"}, "spec": spec})


async def test_a_response_is_written_to_the_status_only() -> None:
    api = FakeApi([body(thing("k", 7)), body({})])
    async with api.client() as client:
        assert await RecentOOMKills(client).write_response("shop", "k", {"action": "None"})
    _, request = api.requests
    assert request.path.endswith("/namespaces/shop/oomkills/k/status")
    response = {"response": {"action": "None"}}
    assert request.body == {"metadata": {"resourceVersion": "7"}, "status": response}


async def test_the_response_of_another_operator_is_never_overwritten() -> None:
    taken = {**thing("k"), "status": {"response": {"action": "RaisedLimit"}}}
    api = FakeApi([body(taken), body(thing("k")), status(409, "Conflict", "changed")])
    async with api.client() as client:
        kills = RecentOOMKills(client)
        assert not await kills.write_response("shop", "k", {"action": "None"})
        with pytest.raises(ApiError):
            await kills.write_response("shop", "k", {"action": "None"})


async def test_a_missing_record_or_node_is_no_error() -> None:
    api = FakeApi([status(404, "NotFound", "gone"), status(404, "NotFound", "gone")])
    async with api.client() as client:
        assert not await RecentOOMKills(client).write_response("shop", "k", {})
        assert await RecentOOMKills(client).node_status("n") == {}


async def test_a_recent_record_that_cannot_be_handled_is_reported_and_blocks_no_other(
) -> None:  # fmt: skip
    handled: asyncio.Queue[str] = asyncio.Queue()

    def handle(manifest: dict[str, Any]) -> None:
        if manifest["metadata"]["name"] == "bad":
            raise TypeError("odd")
        handled.put_nowait(manifest["metadata"]["name"])

    answers = [page("", bad=1, good=1), body(named("bad")), body(named("good"))]
    api = FakeApi([*answers, watch(("ADDED", named("new")), hangs=True)], always=SHOP)
    passed_over = UnreadableObjects()
    async with api.client() as client:
        watching = asyncio.create_task(RecentOOMKills(client, passed_over).watch(handle))
        assert [await handled.get() for _ in range(2)] == ["good", "new"]
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    assert "OOMKill shop/bad: odd (TypeError at " in passed_over.message()
