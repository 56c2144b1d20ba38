"""What a failed request says to a person."""

import json
from http import HTTPStatus

from oomwarden.cli.errors import CliError

NOT_INSTALLED = (
    "this cluster has no {resource}.oomwarden.io: oomwarden is not installed, or another version "
    "is; install it with: helm install oomwarden charts/oomwarden -n oomwarden --create-namespace"
)


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
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError(message or f"cannot {right}: it does not exist")
    if status == HTTPStatus.GONE:
        return ExpiredError("the list changed while it was read; run the command again")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return CliError("the API server is overloaded (429); wait a while and run it again")
    return CliError(f"cannot {right}: the API server answers {status}: {message or 'no reason'}")


def _message(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return body[:200].decode(errors="replace").strip()
    message = found.get("message") if isinstance(found, dict) else None
    return message if isinstance(message, str) else ""
