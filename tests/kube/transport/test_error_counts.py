import asyncio
import json
import socket
from contextlib import aclosing, suppress
from typing import Any

import pytest
from oomwarden.kube import events, oomkill_writer
from oomwarden.kube.http.failures import ConnectError, ReadTimeoutError, TimedOutError
from oomwarden.kube.transport import client as transport
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.errors import API_ERRORS, ConfigError, kind_of
from oomwarden.kube.transport.resources import OOMKill, OOMNode

from tests.support.fake_api import Answer, FakeApi, body, client_of, listing, status, thing, watch

NODES = ListOptions(OOMNode)


def counted(client: Client) -> dict[str, int]:
    """Return the kinds that were counted, without those at 0."""
    return {each.labels[0]: int(each.value) for each in client.errors.samples() if each.value}


async def watched(client: Client) -> list[str]:
    async with aclosing(client.watch_objects(NODES, "1", 10)) as found:
        return [kind async for kind, _ in found]


async def after(call: str, answer: Answer) -> dict[str, int]:
    """Return what is counted after one call that gets this answer."""
    api = FakeApi([answer])
    calls: dict[str, Any] = {
        "get": lambda client: client.get(OOMNode, "n1"),
        "list": lambda client: client.list_objects(NODES),
        "page": lambda client: client.list_metadata_page(NODES, "", 10),
        "delete": lambda client: client.delete(OOMKill, "b", "a", uid="c"),
        "create": lambda client: client.create(OOMKill, {"metadata": {"namespace": "a"}}),
        "watch": watched,
    }
    async with api.client() as client:
        with suppress(*API_ERRORS):
            await calls[call](client)
        return counted(client)


CALLS = ["get", "list", "page", "delete", "create", "watch"]


@pytest.mark.parametrize("call", CALLS)
async def test_a_refusal_counts_once_whatever_the_call(call: str) -> None:
    assert await after(call, status(403, "Forbidden", "no")) == {"Forbidden": 1}


@pytest.mark.parametrize("call", CALLS)
async def test_a_connection_that_ends_without_an_answer_counts_once(call: str) -> None:
    assert await after(
        call, Answer(code=200, lines=('{"me',), headers={"Content-Length": "99"})
    ) == {"Unreachable": 1}


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("get", body(thing("n1"))),
        ("list", listing(3, "n1")),
        ("page", listing(3, "n1")),
        ("delete", body({"kind": "Status"})),
        ("create", body(thing("a"), 201)),
        ("watch", watch(("ADDED", thing("n1")), ("BOOKMARK", thing("", 5)))),
    ],
)
async def test_a_success_counts_nothing(call: str, answer: Answer) -> None:
    assert await after(call, answer) == {}


@pytest.mark.parametrize("call", ["get", "list", "page", "create"])
async def test_the_page_of_a_proxy_counts_as_unreachable(call: str) -> None:
    assert await after(call, Answer(lines=("<html>log in</html>",))) == {"Unreachable": 1}


async def test_a_list_without_a_version_counts_as_unreachable() -> None:
    assert await after("list", body({"metadata": {}, "items": []})) == {"Unreachable": 1}


async def test_an_error_within_a_watch_counts_by_its_code() -> None:
    answer = watch(("ERROR", {"kind": "Status", "code": 429, "reason": "TooManyRequests"}))
    assert await after("watch", answer) == {"Throttled": 1}


@pytest.mark.parametrize(
    "answer",
    [
        watch(("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})),
        status(410, "Expired", "too old resource version"),
    ],
)
async def test_an_expired_watch_counts_nothing(answer: Answer) -> None:
    assert await after("watch", answer) == {}


async def test_a_line_of_a_watch_that_is_no_event_counts_once() -> None:
    assert await after("watch", Answer(lines=(json.dumps([1]) + "\n",))) == {"Unreachable": 1}


async def test_an_answer_that_does_not_come_counts_as_timeout() -> None:
    api = FakeApi([Answer(hangs=True, headers={"Content-Length": "9"})])
    async with api.client(seconds=0.05) as client:
        with pytest.raises(ReadTimeoutError):
            await client.get(OOMNode, "n1")
        assert counted(client) == {"Timeout": 1}


async def test_a_server_that_is_not_there_counts_as_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = client_of(port)
    with pytest.raises(ConnectError):
        await client.get(OOMNode, "n1")
    assert counted(client) == {"Unreachable": 1}
    await client.aclose()


async def test_a_deadline_over_a_call_counts_as_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "DEADLINE_SECONDS", 0.05)
    api = FakeApi([Answer(hangs=True, headers={"Content-Length": "9"})])
    async with api.client() as client:
        await events.post(client, {"metadata": {"namespace": "a", "name": "b"}})
        assert counted(client) == {"Timeout": 1}


async def test_a_call_that_is_cancelled_counts_nothing() -> None:
    api = FakeApi([Answer(hangs=True, headers={"Content-Length": "9"})])
    async with api.client() as client:
        call = asyncio.create_task(client.get(OOMNode, "n1"))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert counted(client) == {}


async def test_every_kind_is_shown_at_0_from_the_start() -> None:
    async with FakeApi([]).client() as client:
        assert {each.value for each in client.errors.samples()} == {0}
        assert len(client.errors.samples()) == 10


def test_a_token_that_cannot_be_read_and_a_slow_connection_have_their_kinds() -> None:
    assert kind_of(ConfigError("the token cannot be read")) == "Unauthorized"
    assert kind_of(ConnectError("")) == "Unreachable"
    assert kind_of(TimedOutError("")) == "Timeout"
    assert kind_of(ValueError("")) == "Other"


async def test_a_deadline_over_a_delivery_counts_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oomkill_writer, "DEADLINE_SECONDS", 0.05)
    api = FakeApi([Answer(hangs=True, headers={"Content-Length": "9"})])
    async with api.client() as client:
        await oomkill_writer.deliver(client, {"metadata": {"namespace": "a", "name": "b"}})
        assert counted(client) == {"Timeout": 1}


async def test_a_watch_that_is_silent_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "WATCH_READ_TIMEOUT_SECONDS", 0.05)
    async with FakeApi([watch(("ADDED", thing("n1")), hangs=True)]).client() as client:
        with pytest.raises(ReadTimeoutError):
            await watched(client)
        assert counted(client) == {}
