"""Parses the body of a list piece by piece, also if it is compressed."""

import asyncio
import codecs
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2

from oomwarden.core.objects.json_list import JsonList, JsonListError

PIECE_BYTES = 1 << 16
_GZIP = 31
"""zlib's window bits for a gzip stream (zlib.h, inflateInit2)."""

Keep = Callable[[Any], Any]


async def read_list(response: httpx2.Response, keep: Keep) -> tuple[dict[str, Any], list[Any]]:
    """Parse a list.

    Args:
        response: The streamed response.
        keep: Returns what to keep of an item, or None to drop it.

    Returns:
        The fields of the list other than its items, and what was kept of the items.

    Raises:
        httpx2.RemoteProtocolError: The body is no list, or is incomplete.
    """
    reader, kept = JsonList(), list[Any]()
    try:
        async for text in _texts(response):
            kept += _kept(reader.feed(text), keep)
        kept += _kept(reader.end(), keep)
    except (JsonListError, UnicodeDecodeError, zlib.error) as error:
        raise httpx2.RemoteProtocolError(f"the response is not a JSON list: {error}") from error
    return reader.fields, kept


def _kept(items: Iterator[Any], keep: Keep) -> Iterator[Any]:
    for each in items:
        if not isinstance(each, dict):
            raise JsonListError("an item is not an object")
        if (kept := keep(each)) is not None:
            yield kept


async def _texts(response: httpx2.Response) -> AsyncIterator[str]:
    """Decode the body in pieces, also when decompressing: 64 KiB can expand to 64 MiB."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = response.headers.get("Content-Encoding", "identity")
    async for raw in _pieces(response, encoding):
        await asyncio.sleep(0)  # let other tasks run between two pieces
        yield decoder.decode(raw)
    yield decoder.decode(b"", final=True)


async def _pieces(response: httpx2.Response, encoding: str) -> AsyncIterator[bytes]:
    if encoding not in {"identity", "gzip"}:
        raise httpx2.RemoteProtocolError(f"the response has the unexpected encoding {encoding}")
    unpack = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    async for raw in response.aiter_raw():
        if unpack is None:
            yield raw
            continue
        left = raw
        while left:
            yield unpack.decompress(left, PIECE_BYTES)
            left = unpack.unconsumed_tail
    if unpack is not None and not unpack.eof:
        raise httpx2.RemoteProtocolError("the compressed response is truncated")
