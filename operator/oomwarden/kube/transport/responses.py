"""Responses of the API server: JSON objects, lines of a watch, the server's time."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from oomwarden.core.objects.deep_json import loads
from oomwarden.core.objects.json_parts import object_at


class UnreadableResponseError(httpx2.RemoteProtocolError):
    """A complete response that cannot be interpreted."""


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


async def split_lines(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """Split at line feeds only, because JSON strings may contain other line ends (U+0085)."""
    parts: list[bytes] = []
    async for piece in response.aiter_bytes():
        first, *more = piece.split(b"\n")
        parts.append(first)
        for each in more:
            yield b"".join(parts)
            parts = [each]
    if rest := b"".join(parts):
        yield rest


def server_time(response: httpx2.Response) -> datetime:
    """Return the time of the server, which also timestamps objects; without it, the local time."""
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return datetime.now(UTC)
