"""Lists are parsed in pieces, compressed or not, and only the needed parts of objects are kept."""

import asyncio
import gzip
import json
import tracemalloc
from typing import Any

import pytest
from oomwarden.kube.http.exchange import ApiResponse
from oomwarden.kube.http.failures import ProtocolError
from oomwarden.kube.transport.bodies import read_list
from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.resources import OOMPolicy

from tests.support.fake_api import Answer, FakeApi, body, status

POLICIES = ListOptions(OOMPolicy)


def named(found: dict[str, Any]) -> str:
    name: str = found["metadata"]["name"]
    return name


def text(count: int, size: int = 0) -> str:
    items = [{"metadata": {"name": f"p{n}"}, "padding": "é" * size} for n in range(count)]
    return json.dumps({"metadata": {"resourceVersion": "7"}, "items": items}, ensure_ascii=False)


async def read(content: bytes, piece: int, **headers: str) -> tuple[dict[str, Any], list[Any]]:
    async def stream() -> Any:  # noqa: ANN401
        for at in range(0, len(content), piece):
            await asyncio.sleep(0)
            yield content[at : at + piece]

    known = {name.lower(): value for name, value in headers.items()}
    return await read_list(ApiResponse(200, "OK", known, stream()), named)


@pytest.mark.parametrize("piece", [1, 7, 4096])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_body_in_pieces_is_read_completely(piece: int, encoding: str) -> None:
    content = text(3, size=50).encode()
    sent = gzip.compress(content) if encoding == "gzip" else content
    fields, names = await read(sent, piece, **{"Content-Encoding": encoding})
    assert (fields["metadata"]["resourceVersion"], names) == ("7", ["p0", "p1", "p2"])


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (gzip.compress(text(9).encode())[:-9], {"Content-Encoding": "gzip"}),
        (b"no gzip at all", {"Content-Encoding": "gzip"}),
        (text(9).encode(), {"Content-Encoding": "br"}),
        (text(9).encode()[:-1], {}),
        (b'{"items": ["\xff"]}', {}),
        (b'{"items": [5]}', {}),
    ],
)
async def test_an_incomplete_body_is_an_error_of_the_connection(
    content: bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(ProtocolError):
        await read(content, 100, **headers)


async def test_a_highly_compressed_piece_is_not_decompressed_into_memory_as_a_whole() -> None:
    content = gzip.compress(text(100, size=100_000).encode())
    assert len(content) < 65536
    tracemalloc.start()
    _, names = await read(content, 65536, **{"Content-Encoding": "gzip"})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(names) == 100
    assert peak < 4 << 20  # 20 MB in total


async def test_only_the_kept_parts_of_objects_are_returned() -> None:
    api = FakeApi([Answer(200, (text(3),))])
    async with api.client() as client:
        found = await client.list_objects(
            POLICIES, keep=lambda each: named(each) if named(each) != "p1" else None
        )
    assert (found.version, found.objects) == ("7", ["p0", "p2"])
    assert api.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    "answer",
    [
        body({"kind": "Status", "metadata": {}, "message": "no backend"}),
        body({"items": []}),
        body({"metadata": {}, "items": []}),
        body({"metadata": {"resourceVersion": 7}, "items": []}),
    ],
)
async def test_a_response_that_is_no_list_is_an_error_of_the_connection(answer: Answer) -> None:
    async with FakeApi([answer]).client() as client:
        with pytest.raises(ProtocolError, match="not a list"):
            await client.list_objects(POLICIES)


async def test_a_refused_list_raises_the_api_servers_error() -> None:
    async with FakeApi([status(403, "Forbidden", "cannot list")]).client() as client:
        with pytest.raises(ApiError, match="cannot list"):
            await client.list_objects(POLICIES)


async def test_large_metadata_is_dropped() -> None:
    metadata = {"name": "k", "labels": {"a": "b"}, "annotations": {"x": "y"}, "managedFields": [{}]}
    page = {"metadata": {"continue": "more"}, "items": [{"metadata": metadata}]}
    async with FakeApi([body(page)]).client() as client:
        found, _ = await client.list_metadata_page(POLICIES, "", 500)
    assert found["items"] == [{"metadata": {"name": "k", "labels": {"a": "b"}}}]
