"""Requests over kept connections, against servers that behave well and badly."""

import asyncio
import socket

import pytest
from oomwarden.kube.http import pod_transport
from oomwarden.kube.http.exchange import Address
from oomwarden.kube.http.failures import (
    ConnectError,
    ConnectionLostError,
    ProtocolError,
    ReadTimeoutError,
    TimedOutError,
    TransportError,
)
from oomwarden.kube.http.pod_transport import MAX_IDLE_CONNECTIONS, PodTransport

from tests.support.raw_api import RawApi, Then, body_of, ok, request


async def test_a_connection_is_used_again() -> None:
    api = RawApi([[ok(b"one")], [ok(b"two")], [ok(b"three")]])
    async with api.transport() as transport:
        assert [await body_of(transport) for _ in range(3)] == [b"one", b"two", b"three"]
    assert api.connections == 1


async def test_requests_at_once_have_a_connection_each_and_few_are_kept() -> None:
    api = RawApi([[0.05, ok()] for _ in range(12)])
    async with api.transport() as transport:
        await asyncio.gather(*(body_of(transport) for _ in range(12)))
        assert len(transport._idle) == MAX_IDLE_CONNECTIONS
    assert api.connections == 12


async def test_what_is_sent_is_an_ordinary_request() -> None:
    api = RawApi([[ok()]])
    async with api.transport() as transport:
        await body_of(transport, request("POST", b'{"a":1}'))
        port = transport._address.port
    (head,) = api.heads
    lines = head.split("\r\n")
    assert lines[0] == "POST /api HTTP/1.1"
    assert f"host: 127.0.0.1:{port}" in head.lower()
    assert "content-length: 7" in head.lower()
    assert api.bodies == [b'{"a":1}']


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED += b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"


@pytest.mark.parametrize("cut", range(1, len(CHUNKED), 7))
async def test_a_chunked_body_may_be_cut_anywhere(cut: int) -> None:
    api = RawApi([[CHUNKED[:cut], 0.01, CHUNKED[cut:]], [ok(b"next")]])
    async with api.transport() as transport:
        assert await body_of(transport) == b"hello world"
        assert await body_of(transport) == b"next"
    assert api.connections == 1


async def test_interim_responses_are_passed_over() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    api = RawApi([[interim * 3, ok(b"done")]])
    async with api.transport() as transport:
        assert await body_of(transport) == b"done"


async def test_a_server_of_http_1_0_ends_the_body_by_closing() -> None:
    api = RawApi([[b"HTTP/1.0 200 OK\r\n\r\nold", Then.CLOSE], [ok(b"new")]])
    async with api.transport() as transport:
        assert await body_of(transport) == b"old"
        assert await body_of(transport) == b"new"
    assert api.connections == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", Then.CLOSE], ProtocolError),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", 0.02, Then.RESET], ConnectionLostError),
        ([CHUNKED[:-9], Then.CLOSE], ProtocolError),
        ([b"SSH-2.0-OpenSSH_9.2\r\n", Then.CLOSE], ProtocolError),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000], ProtocolError),
        ([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"], ProtocolError),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 99], ProtocolError),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"], ProtocolError),
        ([b"\xff\x00" * 40_000], ProtocolError),
        ([Then.CLOSE], ConnectionLostError),
        ([Then.RESET], ConnectionLostError),
        ([Then.HANG], ReadTimeoutError),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", Then.HANG], ReadTimeoutError),
    ],
)
async def test_a_broken_response_is_an_error_and_costs_its_connection_only(
    reply: list[bytes | float | Then], error: type[TransportError]
) -> None:
    api = RawApi([reply, [ok(b"fine")]])
    async with api.transport(seconds=0.3) as transport:
        with pytest.raises(error):
            await body_of(transport)
        assert await body_of(transport) == b"fine"
        assert transport._in_use == set()
    assert api.connections == 2


async def test_a_server_that_sends_a_byte_now_and_then_is_waited_for() -> None:
    whole = ok(b"slow")
    pieces: list[bytes | float | Then] = []
    for at in range(0, len(whole), 8):
        pieces += [whole[at : at + 8], 0.1]
    async with RawApi([pieces]).transport(seconds=0.3) as transport:
        assert await body_of(transport) == b"slow"


async def test_a_watch_may_be_silent_for_longer_than_another_request() -> None:
    api = RawApi([[b"HTTP/1.1 200 OK\r\n\r\n", 0.3, b"event\n", Then.CLOSE]])
    watch = request(watch=True)._replace(silence=2.0)
    async with api.transport(seconds=0.1) as transport:
        assert await body_of(transport, watch) == b"event\n"


async def test_more_requests_than_places_wait_for_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pod_transport, "MAX_CONNECTIONS", 2)
    api = RawApi([[0.02, ok()] for _ in range(9)])
    async with api.transport() as transport:
        await asyncio.gather(*(body_of(transport) for _ in range(9)))
    assert api.connections == 2


async def test_a_request_without_a_place_is_given_up_and_watches_take_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pod_transport, "MAX_CONNECTIONS", 1)
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    api = RawApi([[head, Then.HANG], [head, Then.HANG], [ok()], [0.5, ok()]])
    async with api.transport(seconds=0.2) as transport:
        watches = [await transport.send(request(watch=True)) for _ in range(2)]
        await body_of(transport)
        slow = asyncio.create_task(body_of(transport))
        with pytest.raises(TimedOutError):
            await body_of(transport)
        await asyncio.gather(slow, return_exceptions=True)
        for each in watches:
            await each.body.aclose()


async def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    transport = PodTransport(Address("127.0.0.1", port), None, None, 1.0)
    with pytest.raises(ConnectError, match=str(port)):
        await transport.send(request())


async def test_a_server_that_does_not_accept_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = Address(*full.getsockname()[:2])
        blockers = [socket.socket() for _ in range(4)]
        for each in blockers:
            each.setblocking(False)  # noqa: FBT003 - socket's signature
            each.connect_ex(address)
        with pytest.raises(ConnectError, match=r"in 0\.2 s"):
            await PodTransport(address, None, None, 0.2).send(request())
        for each in blockers:
            each.close()


async def test_large_bodies_go_both_ways_at_the_pace_of_the_reader() -> None:
    large = b"x" * 3_000_000
    api = RawApi([[ok(large)]])
    async with api.transport() as transport:
        response = await transport.send(request("POST", large))
        await asyncio.sleep(0.1)
        (connection,) = transport._in_use
        assert connection._stream._received.pending < 200_000
        assert sum([len(piece) async for piece in response.body]) == len(large)
    assert api.bodies == [large]


async def test_a_request_that_is_no_http_is_refused_before_it_is_sent() -> None:
    api = RawApi([[ok()]])
    async with api.transport() as transport:
        forged = request()._replace(target="/api HTTP/1.1\r\nX: y")
        with pytest.raises(ProtocolError, match="cannot be sent"):
            await transport.send(forged)
    assert api.heads == []


async def test_a_server_that_does_not_read_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        transport = PodTransport(Address(*deaf.getsockname()[:2]), None, None, 0.2)
        with pytest.raises(TimedOutError, match="could not be sent"):
            await transport.send(request("POST", b"x" * (32 << 20)))
        await transport.aclose()
