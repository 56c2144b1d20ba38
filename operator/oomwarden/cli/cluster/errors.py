"""What a failed request says to a person."""

import json
import re
from http import HTTPStatus

from oomwarden.cli.errors import CliError

NOT_INSTALLED = (
    "this cluster has no {resource}.oomwarden.io: oomwarden is not installed, or another version "
    "is; install it with: helm install oomwarden charts/oomwarden -n oomwarden --create-namespace"
)


_NUMBER = re.compile(r"\[(?:Errno -?\d+|SSL: \w+)\] (.*?)(?: \(_ssl\.c:\d+\))?\)*$", re.DOTALL)


class NotFoundError(CliError):
    """The object, or its resource, does not exist."""


class ForbiddenError(CliError):
    """The user lacks a right, which the sentence names."""


class ExpiredError(CliError):
    """The API server has forgotten the state that a list or a watch continues from."""


def from_response(status: int, body: bytes, right: str) -> CliError:
    """Return the error of a response.

    Args:
        status: The HTTP status, 400 or above.
        body: The response, a Status of the API server or a page of a proxy in between.
        right: What the request needs, such as "list oomkills.oomwarden.io in namespace shop".
    """
    message = _message(body)
    if status == HTTPStatus.UNAUTHORIZED:
        return CliError("the API server does not accept your credentials: log in again")
    if status == HTTPStatus.FORBIDDEN:
        return ForbiddenError(f"you may not {right}; ask an administrator for that right")
    if status == HTTPStatus.NOT_FOUND and message is not None:
        return NotFoundError(message or f"cannot {right}: it does not exist")
    if status == HTTPStatus.GONE:
        return ExpiredError("the list changed while it was read; run the command again")
    reason = _REASONS.get(status) or message or "no reason"
    return CliError(f"cannot {right}: the API server answers {status}: {reason}")


_UNKNOWN_PATH = b"404 page not found"
"""What the API server answers if it does not know the group (k8s.io/apiserver
pkg/server/mux/pathrecorder.go, v1.37)."""
_REASONS: dict[int, str] = {
    HTTPStatus.NOT_FOUND: "this is no API server of Kubernetes; check the server of the kubeconfig",
    HTTPStatus.TOO_MANY_REQUESTS: "it is overloaded; wait a while and run the command again",
}


def _message(body: bytes) -> str | None:
    """Return the message of a Status; None if it is something else, such as a proxy's page."""
    if body.strip() == _UNKNOWN_PATH:
        return ""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("kind") != "Status":
        return None
    return str(found.get("message") or "")


def connection_error(text: str) -> str:
    """Return the system's words from an error of the HTTP client, such as Connection refused."""
    found = _NUMBER.search(text)
    return found[1] if found and found[1] else text.rpartition("): ")[2].strip()
