"""What the API server answers, as objects: whatever else comes is an error of the connection."""

from typing import Any

import httpx2

from oomwarden.core.objects.deep_json import loads
from oomwarden.core.objects.json_parts import object_at


class UnreadableAnswerError(httpx2.RemoteProtocolError):
    """An answer came whole, and no sense can be made of it."""


def decoded(text: bytes | str) -> dict[str, Any]:
    """Read an object in JSON.

    Raises:
        UnreadableAnswerError: it is none; a proxy has answered, or the answer was cut.
    """
    try:
        answer = loads(text)
    except ValueError as error:
        raise UnreadableAnswerError(f"the answer is no JSON: {error}") from error
    if not isinstance(answer, dict):
        raise UnreadableAnswerError("the answer is no object in JSON")
    return answer


def version_of(answer: dict[str, Any]) -> str:
    """Give the resourceVersion of a list or an object.

    Raises:
        UnreadableAnswerError: it has none, so it is not what was asked for.
    """
    version = object_at(answer, "metadata").get("resourceVersion")
    if not isinstance(version, str):
        raise UnreadableAnswerError("the answer has no metadata.resourceVersion")
    return version


def watch_event(line: bytes) -> tuple[str, dict[str, Any]]:
    """Read a line of a watch.

    Raises:
        UnreadableAnswerError: it is no event.
    """
    event = decoded(line)
    kind, manifest = event.get("type"), event.get("object")
    if not (isinstance(kind, str) and isinstance(manifest, dict)):
        raise UnreadableAnswerError("the answer is no event of a watch")
    return kind, manifest
