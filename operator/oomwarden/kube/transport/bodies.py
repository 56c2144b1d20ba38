"""Bodies of responses: an object, the events of a watch, or a list; compressed or not."""

import asyncio
import codecs
import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from oomwarden.core.objects.deep_json import loads
from oomwarden.core.objects.json_list import JsonList, JsonListError
from oomwarden.core.objects.json_parts import object_at
from oomwarden.kube.http.exchange import ApiResponse
from oomwarden.kube.http.failures import ProtocolError

PIECE_BYTES = 1 << 16
MAX_BYTES = 1 << 24
"""Of one object, or of one line of a watch. etcd accepts 1.5 MiB by default
(its --max-request-bytes)."""
_GZIP = 31
"""zlib's window bits for a gzip stream (zlib.h, inflateInit2)."""

_DATE = re.compile(
    r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
"""The date that servers must send (RFC 9110, 5.6.7). `email.utils` would cost an agent 1 MiB."""
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

Keep = Callable[[Any], Any]
ParseEvent = Callable[[bytes], tuple[str, dict[str, Any]]]
"""Returns the type and the object of a line of a watch; may raise UnreadableResponseError."""


class UnreadableResponseError(ProtocolError):
    """A complete response that cannot be interpreted."""


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


def decode_object(text: bytes | str) -> dict[str, Any]:
    """Decode a JSON object.

    Raises:
        UnreadableResponseError: The text is no JSON object: a proxy responded, or the response was
            truncated.
    """
    try:
        body = loads(text)
    except ValueError as error:
        raise UnreadableResponseError(f"the response is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise UnreadableResponseError("the response is not a JSON object")
    return body


def resource_version(body: dict[str, Any]) -> str:
    """Return the resourceVersion of a list or an object.

    Raises:
        UnreadableResponseError: It has none, so it is no object of the API server.
    """
    version = object_at(body, "metadata").get("resourceVersion")
    if not isinstance(version, str):
        raise UnreadableResponseError("the response has no metadata.resourceVersion")
    return version


def parse_watch_event(line: bytes) -> tuple[str, dict[str, Any]]:
    """Parse a line of a watch. Return its type and its object.

    Raises:
        UnreadableResponseError: The line is no watch event.
    """
    event = decode_object(line)
    kind, manifest = event.get("type"), event.get("object")
    if not (isinstance(kind, str) and isinstance(manifest, dict)):
        raise UnreadableResponseError("the response is not a watch event")
    return kind, manifest


def server_time(response: ApiResponse) -> datetime:
    """Return the time of the server, which also timestamps objects; without it, the local time."""
    found = _DATE.fullmatch(response.headers.get("date", ""))
    if found is None or found[2] not in _MONTHS:
        return datetime.now(UTC)
    day, year, hour, minute, second = (int(found[n]) for n in (1, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return datetime.now(UTC)
