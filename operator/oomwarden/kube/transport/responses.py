"""Responses of the API server: JSON objects, events of a watch, the server's time."""

import re
from datetime import UTC, datetime
from typing import Any

from oomwarden.core.objects.deep_json import loads
from oomwarden.core.objects.json_parts import object_at
from oomwarden.kube.http.exchange import ApiResponse
from oomwarden.kube.http.failures import ProtocolError

_DATE = re.compile(
    r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
"""The date that servers must send (RFC 9110, 5.6.7). `email.utils` would cost an agent 1 MiB."""
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class UnreadableResponseError(ProtocolError):
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
