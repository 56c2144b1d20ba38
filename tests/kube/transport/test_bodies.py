"""Bodies are bounded, whatever the server sends, and dates are read as `email` reads them."""

import gzip
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.kube.http.exchange import ApiResponse
from oomwarden.kube.http.failures import ProtocolError
from oomwarden.kube.transport import bodies
from oomwarden.kube.transport.bodies import UnreadableResponseError, server_time
from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.resources import Node, OOMNode

from tests.support.fake_api import Answer, FakeApi, body, client_of, thing
from tests.support.raw_api import RawApi, Then, ok

NODES = ListOptions(OOMNode)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_servers_time_is_read_from_its_date(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    headers = {"date": format_datetime(whole, usegmt=True)}
    assert server_time(ApiResponse(200, "OK", headers, None)) == whole  # type: ignore[arg-type]


NO_DATES = ("Fri, 99 Jan 2026 03:05:05 GMT", "Fri, 02 Foo 2026 03:05:05 GMT", "now")


@given(st.text() | st.sampled_from(NO_DATES))
def test_without_a_date_the_time_is_the_local_one(text: str) -> None:
    found = server_time(ApiResponse(200, "OK", {"date": text}, None))  # type: ignore[arg-type]
    assert abs(datetime.now(UTC) - found) < timedelta(minutes=1)


async def test_an_object_may_be_compressed() -> None:
    packed = gzip.compress(json.dumps(thing("n", 3)).encode())
    api = RawApi([[ok(packed, b"Content-Encoding: gzip")]])
    async with api.listening(None) as address:
        caller = client_of(address.port)
        assert await caller.get(Node, "n") == thing("n", 3)
        await caller.aclose()
    assert "accept-encoding: gzip" in api.heads[0].lower()


async def test_an_object_that_expands_beyond_the_bound_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies.whole, "__defaults__", (1 << 20,))
    packed = gzip.compress(b'{"a": "' + b"x" * (64 << 20) + b'"}')
    api = RawApi([[ok(packed, b"Content-Encoding: gzip")]])
    async with api.listening(None) as address:
        caller = client_of(address.port)
        with pytest.raises(UnreadableResponseError, match="more than 1048576 bytes"):
            await caller.get(Node, "n")
        await caller.aclose()


async def test_an_endless_line_of_a_watch_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BYTES", 1000)
    async with FakeApi([Answer(lines=("x" * 5000,))]).client() as caller:
        with pytest.raises(UnreadableResponseError, match="a line has more than 1000 bytes"):
            assert [each async for each in caller.watch_objects(NODES, "1", 9)]


@pytest.mark.parametrize("rest", [b"", b'"}'])
async def test_a_refusal_whose_body_breaks_off_is_still_a_refusal(rest: bytes) -> None:
    head = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 999\r\n\r\n"
    api = RawApi([[head + b'{"kind": "Status", "message": "no' + rest, Then.CLOSE]])
    async with api.listening(None) as address:
        caller = client_of(address.port)
        with pytest.raises(ApiError, match="Service Unavailable") as error:
            await caller.get(Node, "n")
        assert error.value.status.code == 503
        assert {each.labels[0] for each in caller.errors.samples() if each.value} == {"Unavailable"}
        await caller.aclose()


async def test_an_endless_page_of_a_proxy_is_cut_off() -> None:
    async with FakeApi([Answer(502, ("<html>" + "x" * (3 << 20),), {})]).client() as caller:
        with pytest.raises(ApiError) as error:
            await caller.get(Node, "n")
        assert error.value.status.code == 502


async def test_a_list_of_2000_nodes_that_breaks_off_is_no_list_and_takes_little_memory() -> None:
    node = {"metadata": {"name": "n", "note": "x" * 3000}}
    whole = json.dumps({"metadata": {"resourceVersion": "7"}, "items": [node] * 2000})
    cut = ok(whole.encode())[:-1000]
    api = RawApi([[*(cut[at : at + 100_000] for at in range(0, len(cut), 100_000)), Then.CLOSE]])
    async with api.listening(None) as address:
        caller = client_of(address.port)
        seen = list[None]()
        tracemalloc.start()
        with pytest.raises(ProtocolError, match="peer closed connection"):
            await caller.list_objects(NODES, "0", lambda _: seen.append(None))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        await caller.aclose()
    assert len(seen) > 1900
    assert peak < 3 << 20  # 6 MB of text, and 20 MB as dicts


async def test_a_body_without_content_type_is_read() -> None:
    answer = Answer(200, body(thing("n")).lines, {})
    async with FakeApi([answer]).client() as caller:
        assert await caller.get(Node, "n") == thing("n")
