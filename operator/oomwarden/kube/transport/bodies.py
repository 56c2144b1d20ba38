"""Bodies of responses: whole, line by line, or the objects of a list; compressed or not."""

import asyncio
import codecs
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any

from oomwarden.core.objects.json_list import JsonList, JsonListError
from oomwarden.kube.http.exchange import ApiResponse
from oomwarden.kube.http.failures import ProtocolError
from oomwarden.kube.transport.responses import UnreadableResponseError

PIECE_BYTES = 1 << 16
MAX_BYTES = 1 << 24
"""Of one object, or of one line of a watch. etcd accepts 1.5 MiB by default
(its --max-request-bytes)."""
_GZIP = 31
"""zlib's window bits for a gzip stream (zlib.h, inflateInit2)."""

Keep = Callable[[Any], Any]


async def pieces(response: ApiResponse) -> AsyncIterator[bytes]:
    """Yield a body in pieces of PIECE_BYTES at most if it is compressed: 64 KiB may be 64 MiB.

    Raises:
        TransportError: The body is incomplete, or cannot be decompressed.
    """
    encoding = response.headers.get("content-encoding", "identity")
    if encoding not in {"identity", "gzip"}:
        raise ProtocolError(f"the response has the unexpected encoding {encoding[:64]!r}")
    unpack = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    async for raw in response.body:
        if unpack is None:
            yield raw
            continue
        left = raw
        while left:
            yield _unpacked(unpack, left)
            left = unpack.unconsumed_tail
    if unpack is not None and not unpack.eof:
        raise ProtocolError("the compressed response is truncated")


def _unpacked(unpack: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return unpack.decompress(data, PIECE_BYTES)
    except zlib.error as error:
        raise ProtocolError(f"the response cannot be decompressed: {error}") from error


async def whole(response: ApiResponse, most: int = MAX_BYTES) -> bytes:
    """Read a body.

    Raises:
        UnreadableResponseError: It has more than `most` bytes.
        TransportError: It is incomplete.
    """
    parts, size = list[bytes](), 0
    async for piece in pieces(response):
        parts.append(piece)
        size += len(piece)
        if size > most:
            raise UnreadableResponseError(f"the response has more than {most} bytes")
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def split_lines(response: ApiResponse) -> AsyncGenerator[bytes]:
    """Split at line feeds only, because JSON strings may contain other line ends (U+0085).

    Raises:
        UnreadableResponseError: A line is too long.
        TransportError: The body is incomplete.
    """
    parts, size = list[bytes](), 0
    async for piece in pieces(response):
        first, *more = piece.split(b"\n")
        parts.append(first)
        for each in more:
            yield b"".join(parts)
            parts, size = [each], 0
        size += len(parts[-1])
        if size > MAX_BYTES:
            raise UnreadableResponseError(f"a line has more than {MAX_BYTES} bytes")
    if rest := b"".join(parts):
        yield rest


async def read_list(response: ApiResponse, keep: Keep) -> tuple[dict[str, Any], list[Any]]:
    """Parse a list.

    Args:
        response: The streamed response.
        keep: Returns what to keep of an item, or None to drop it.

    Returns:
        The fields of the list other than its items, and what was kept of the items.

    Raises:
        TransportError: The body is no list, or is incomplete.
    """
    reader, kept = JsonList(), list[Any]()
    try:
        async for text in _texts(response):
            kept += _kept(reader.feed(text), keep)
        kept += _kept(reader.end(), keep)
    except (JsonListError, UnicodeDecodeError) as error:
        raise ProtocolError(f"the response is not a JSON list: {error}") from error
    return reader.fields, kept


def _kept(items: Iterator[Any], keep: Keep) -> Iterator[Any]:
    for each in items:
        if not isinstance(each, dict):
            raise JsonListError("an item is not an object")
        if (kept := keep(each)) is not None:
            yield kept


async def _texts(response: ApiResponse) -> AsyncIterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    async for raw in pieces(response):
        await asyncio.sleep(0)  # let other tasks run between two pieces
        yield decoder.decode(raw)
    yield decoder.decode(b"", final=True)
