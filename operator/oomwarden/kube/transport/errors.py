"""Errors of the API server, and what they mean for a write."""

from enum import StrEnum
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from oomwarden.api.free_text import readable
from oomwarden.core.log_line.keys import LogKeys
from oomwarden.core.metrics.api_error_kinds import ApiErrorKind, kind_of_status
from oomwarden.core.objects.deep_json import loads
from oomwarden.kube.http.exchange import ApiResponse
from oomwarden.kube.http.failures import ConfigError, TimedOutError, TransportError
from oomwarden.kube.transport.status import ApiError, Status, read_status

__all__ = ["API_ERRORS", "ApiError", "ConfigError", "Status", "classify_error"]

API_ERRORS = (ApiError, TransportError, ConfigError)
"""What the client raises: error responses of the API server, and all errors on the way to it."""
MAX_RETRY_AFTER_SECONDS = 600.0
"""Limit on Retry-After: a proxy that responds in place of the API server may request any wait."""
_SHOWN_BODY = 300
_MAX_DIGITS = 9
_MAX_REASON = 2048
"""Characters of a reason. It may quote values of tenants, or any text of a webhook."""
_SERVER_WIDE = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_INVALID = {HTTPStatus.BAD_REQUEST, 413, HTTPStatus.UNPROCESSABLE_ENTITY}


class WriteOutcome(StrEnum):
    """The outcome of a write."""

    DONE = "Done"
    EXISTS = "Exists"
    RETRY = "Retry"
    UNDELIVERABLE = "Undeliverable"


class WriteResult(Struct, frozen=True):
    """The result of a write, and how to continue.

    Attributes:
        outcome: The outcome.
        reason: The error in words; empty after a success.
        retry_after: Seconds to wait, if the API server requested it.
        server_wide: Whether writes of other objects would fail too.
        refused: Whether the API server refuses this object in its current form or for now.
        invalid: Whether it is refused because of its schema or its size.
        kind: The kind of the error, as metrics and logs name it; empty after a success.
    """

    outcome: WriteOutcome
    reason: str
    retry_after: float = 0.0
    server_wide: bool = False
    refused: bool = False
    invalid: bool = False
    kind: str = ""


def error_from_response(response: ApiResponse, content: bytes) -> ApiError:
    """Return the error for an unsuccessful response, which may have any body."""
    status = _status(response, content)
    header = response.headers.get("retry-after", "")
    if header.isdecimal():
        status = status._replace(retry_after=float(header[:_MAX_DIGITS]))
    return ApiError(status)


def _status(response: ApiResponse, content: bytes) -> Status:
    try:
        body = loads(content)
    except ValueError:
        body = None
    if isinstance(body, dict) and body.get("kind") == "Status":
        return read_status(body)._replace(code=response.status)
    text = content[: 4 * _SHOWN_BODY].decode(errors="replace").strip()[:_SHOWN_BODY]
    return Status(response.status, response.reason, text, judged=False)


def error_from_status(body: dict[str, Any]) -> ApiError:
    """Return the error that an ERROR event of a watch carries."""
    return ApiError(read_status(body))


def no_such_name(name: str) -> ApiError:
    """Return the error for a name that no object can have."""
    message = f"{name[:64]!r} is not a valid object name"
    return ApiError(Status(HTTPStatus.NOT_FOUND, "NotFound", message, kind="?"))


def classify_error(error: Exception) -> WriteResult:
    """Classify an error of a write.

    Only a namespace that is gone or terminating is final: it never comes back, and a new one with
    the same name may belong to another tenant. Everything else is retried, since permissions,
    quotas, policies, webhooks and CRDs can change.
    """
    if not isinstance(error, ApiError):
        reason = _shortened(f"the API server cannot be reached: {_describe(error)}")
        return WriteResult(WriteOutcome.RETRY, reason, server_wide=True, kind=kind_of(error) or "")
    status, message = error.status, error.status.message
    why = message or _causes(status) or "no message"
    reason = _shortened(f"{status.code} {status.reason}: {why}")
    kind = kind_of(error) or ""
    outcome = _outcome(status, message)
    if outcome is not WriteOutcome.RETRY:
        return WriteResult(outcome, reason, kind=kind)
    server_wide = _is_server_wide(status, message)
    invalid = status.code in _INVALID and status.judged and not _is_denial(message)
    denied = status.code == HTTPStatus.FORBIDDEN or _is_denial(message)
    refused = not server_wide and (invalid or denied)
    wait = min(status.retry_after, MAX_RETRY_AFTER_SECONDS)
    return WriteResult(outcome, reason, wait, server_wide, refused, invalid and refused, kind)


def error_keys(result: WriteResult) -> LogKeys:
    """Return what a log line says of a failed call."""
    return {"reason": result.kind, "error": result.reason}


def kind_of(error: Exception) -> ApiErrorKind | None:
    """Return the kind of an error of the client, None if it is part of normal operation."""
    match error:
        case ApiError():
            return kind_of_status(error.status.code)
        case ConfigError():
            return ApiErrorKind.UNAUTHORIZED
        case TimedOutError() | TimeoutError():
            return ApiErrorKind.TIMEOUT
        case TransportError():
            return ApiErrorKind.UNREACHABLE
        case _:
            return ApiErrorKind.OTHER


def _shortened(reason: str) -> str:
    return readable(reason, _MAX_REASON)


def _causes(status: Status) -> str:
    return "; ".join(f"{cause.field}: {cause.message}" for cause in status.causes)


def _describe(error: Exception) -> str:
    return f"{error} ({type(error).__name__})" if str(error) else type(error).__name__


def _outcome(status: Status, message: str) -> WriteOutcome:
    if status.code == HTTPStatus.CONFLICT and status.reason == "AlreadyExists":
        return WriteOutcome.EXISTS
    if _is_denial(message):
        return WriteOutcome.RETRY
    gone = status.code == HTTPStatus.NOT_FOUND and status.kind == "namespaces"
    going = status.code == HTTPStatus.FORBIDDEN and _is_terminating(status)
    return WriteOutcome.UNDELIVERABLE if gone or going else WriteOutcome.RETRY


def _is_server_wide(status: Status, message: str) -> bool:
    """Return whether other writes would fail too: the server, token, permissions or CRD.

    A webhook can deny with any code, including 404 and 429, and may deny only some objects.
    """
    if _is_denial(message):
        return False
    no_rights = status.code == HTTPStatus.FORBIDDEN and '" cannot ' in message
    no_kind = status.code == HTTPStatus.NOT_FOUND and status.kind is None
    return status.code in _SERVER_WIDE or no_rights or no_kind


def _is_denial(message: str) -> bool:
    """Return whether an admission policy or webhook refused, which can have any code."""
    return "ValidatingAdmissionPolicy" in message or "admission webhook" in message


def _is_terminating(status: Status) -> bool:
    return any(cause.reason == "NamespaceTerminating" for cause in status.causes)
