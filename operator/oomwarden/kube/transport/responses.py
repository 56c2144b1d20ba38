"""Responses of the API server as JSON objects. Anything else is an error of the connection."""

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
