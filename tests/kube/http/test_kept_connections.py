"""Connections are kept for the next request, and a dead one does no harm."""

import asyncio

import pytest
from oomwarden.kube.http import pod_transport
from oomwarden.kube.http.failures import ConnectionLostError, ProtocolError
from oomwarden.kube.http.pod_transport import IDLE_SECONDS

from tests.support.raw_api import RawApi, Then, body_of, ok, refusal, request
from tests.support.refusals import soon


@pytest.mark.parametrize("way", [Then.CLOSE, Then.RESET])
async def test_a_get_on_a_connection_that_the_server_has_given_up_is_sent_again(way: Then) -> None:
    api = RawApi([[ok()], [way], [ok(b"again")]])
    async with api.transport() as transport:
        await body_of(transport)
        assert await body_of(transport) == b"again"
    assert (api.connections, len(api.heads)) == (2, 3)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_change_is_never_sent_twice(method: str) -> None:
    api = RawApi([[ok()], [Then.CLOSE]])
    async with api.transport() as transport:
        await body_of(transport)
        with pytest.raises(ConnectionLostError):
            await body_of(transport, request(method, b"{}"))
    assert len(api.heads) == 2


async def test_a_get_is_sent_again_once_and_not_after_the_first_byte() -> None:
    api = RawApi([[ok()], [Then.CLOSE], [Then.CLOSE], [ok()], [b"HTTP/1.1 2", Then.CLOSE]])
    async with api.transport() as transport:
        await body_of(transport)
        with pytest.raises(ConnectionLostError):
            await body_of(transport)
        await body_of(transport)
        with pytest.raises(ProtocolError):
            await body_of(transport)
    assert len(api.heads) == 5


async def test_a_get_is_not_sent_again_when_its_response_breaks_off() -> None:
    api = RawApi([[ok()], [b"HTTP/1.1 200 OK\r\n", 0.05, Then.RESET], [ok()]])
    async with api.transport() as transport:
        await body_of(transport)
        with pytest.raises(ConnectionLostError):
            await body_of(transport)
    assert len(api.heads) == 2


async def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used() -> None:
    api = RawApi([[ok(), Then.CLOSE], [ok(b"posted")]])
    async with api.transport() as transport:
        await body_of(transport)
        await asyncio.sleep(0.05)
        assert await body_of(transport, request("POST", b"{}")) == b"posted"


async def test_a_connection_with_bytes_that_nobody_asked_for_is_not_used() -> None:
    api = RawApi([[ok(), 0.02, refusal(408)], [ok(b"right")]])
    async with api.transport() as transport:
        await body_of(transport)
        await asyncio.sleep(0.1)
        assert await body_of(transport) == b"right"
    assert api.connections == 2


async def test_only_connections_that_were_unused_for_long_are_closed() -> None:
    api = RawApi([[0.02, ok()], [0.02, ok()]])
    async with api.transport() as transport:
        await asyncio.gather(body_of(transport), body_of(transport))
        unused, used = transport._idle
        transport._idle[unused] -= IDLE_SECONDS
        transport._close_unused()
        assert list(transport._idle) == [used]
        assert transport._cleaning is not None


async def test_connections_are_closed_while_nobody_asks_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pod_transport, "IDLE_SECONDS", 0.05)
    api = RawApi([[0.02, ok()], [0.02, ok()], [ok()]])
    async with api.transport() as transport:
        await asyncio.gather(body_of(transport), body_of(transport))
        assert len(transport._idle) == 2
        await soon(lambda: not transport._idle)
        await body_of(transport)
    assert api.connections == 3


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1])
async def test_a_cancelled_request_leaves_nothing_for_the_next_one(seconds: float) -> None:
    late: list[bytes | float | Then] = [0.05, ok(b"late")]
    api = RawApi([[ok()], late, [0.01, ok(b"fresh")], [0.01, ok(b"fresh")]])
    async with api.transport() as transport:
        await body_of(transport)
        call = asyncio.create_task(body_of(transport))
        await asyncio.sleep(seconds)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        if seconds < 0.1 and len(api.heads) == 2:
            assert await body_of(transport) == b"fresh"
        assert transport._in_use == set()
        assert transport._places._value == pod_transport.MAX_CONNECTIONS
