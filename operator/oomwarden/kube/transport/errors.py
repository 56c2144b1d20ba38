"""Errors of the API server, and what they mean for a write."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, cast

import httpx2
from lightkube import ApiError, ConfigError
from lightkube.models.meta_v1 import Status

from oomwarden.api.free_text import readable
from oomwarden.core.log_line.keys import LogKeys
from oomwarden.core.metrics.api_error_kinds import ApiErrorKind, kind_of_status
from oomwarden.core.objects.deep_json import loads

API_ERRORS = (httpx2.HTTPError, ConfigError)
"""What the client raises: error responses of the API server, and all errors on the way to it."""
MAX_RETRY_AFTER_SECONDS = 600.0
"""Limit on Retry-After: a proxy that responds in place of the API server may request any wait."""
_SHOWN_BODY = 300
_MAX_REASON = 2048
"""Characters of a reason. It may quote values of tenants, or any text of a webhook."""
_NO_STATUS = "Unjudged"
"""The `status` of an error without a Status body. It comes from a proxy, not the API server."""
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


@dataclass(frozen=True, slots=True)
class WriteResult:
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


def error_from_response(response: httpx2.Response) -> ApiError:
    """Return the error for an unsuccessful response with any body, which must have been read."""
    status = _status(response)
    error = ApiError(request=response.request, status=status)
    error.response = response
    return error


def _status(response: httpx2.Response) -> Status:
    try:
        body = loads(response.content)
    except ValueError:
        body = None
    if isinstance(body, dict) and body.get("kind") == "Status":
        status = _read_status(body)
        status.code = response.status_code
        return status
    text = response.text.strip()[:_SHOWN_BODY]
    reason = response.reason_phrase
    return Status(status=_NO_STATUS, code=response.status_code, reason=reason, message=text)


def error_from_status(body: dict[str, Any]) -> ApiError:
    """Return the error that an ERROR event of a watch carries."""
    return ApiError(status=_read_status(body))


def _read_status(body: dict[str, Any]) -> Status:
    try:
        return cast("Status", Status.from_dict(body))  # typed as its base class by lightkube
    except (TypeError, ValueError):  # fields with wrong types, as from a proxy
        code, message = body.get("code"), str(body.get("message") or "")[:_SHOWN_BODY]
        return Status(code=code if isinstance(code, int) else None, message=message)


def classify_error(error: Exception) -> WriteResult:
    """Classify an error of a write.

    Only a namespace that is gone or terminating is final: it never comes back, and a new one with
    the same name may belong to another tenant. Everything else is retried, since permissions,
    quotas, policies, webhooks and CRDs can change.
    """
    if not isinstance(error, ApiError):
        reason = _shortened(f"the API server cannot be reached: {_describe(error)}")
        return WriteResult(WriteOutcome.RETRY, reason, server_wide=True, kind=kind_of(error) or "")
    status, message = error.status, error.status.message or ""
    why = message or _causes(status) or "no message"
    reason = _shortened(f"{status.code} {status.reason or ''}: {why}")
    kind = kind_of(error) or ""
    outcome = _outcome(status, message)
    if outcome is not WriteOutcome.RETRY:
        return WriteResult(outcome, reason, kind=kind)
    server_wide = _is_server_wide(status, message)
    invalid = status.code in _INVALID and status.status != _NO_STATUS and not _is_denial(message)
    denied = status.code == HTTPStatus.FORBIDDEN or _is_denial(message)
    refused = not server_wide and (invalid or denied)
    wait = _retry_after(error)
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
        case httpx2.ConnectTimeout():
            return ApiErrorKind.UNREACHABLE
        case httpx2.TimeoutException() | TimeoutError():
            return ApiErrorKind.TIMEOUT
        case httpx2.TransportError():
            return ApiErrorKind.UNREACHABLE
        case _:
            return ApiErrorKind.OTHER


def _shortened(reason: str) -> str:
    return readable(reason, _MAX_REASON)


def _causes(status: Status) -> str:
    causes: list[Any] = (status.details.causes if status.details else None) or []
    return "; ".join(f"{cause.field}: {cause.message}" for cause in causes)


def _describe(error: Exception) -> str:
    return f"{error} ({type(error).__name__})" if str(error) else type(error).__name__


def _outcome(status: Status, message: str) -> WriteOutcome:
    if status.code == HTTPStatus.CONFLICT and status.reason == "AlreadyExists":
        return WriteOutcome.EXISTS
    if _is_denial(message):
        return WriteOutcome.RETRY
    gone = status.code == HTTPStatus.NOT_FOUND and _kind(status) == "namespaces"
    going = status.code == HTTPStatus.FORBIDDEN and _is_terminating(status)
    return WriteOutcome.UNDELIVERABLE if gone or going else WriteOutcome.RETRY


def _is_server_wide(status: Status, message: str) -> bool:
    """Return whether other writes would fail too: the server, token, permissions or CRD.

    A webhook can deny with any code, including 404 and 429, and may deny only some objects.
    """
    if _is_denial(message):
        return False
    no_rights = status.code == HTTPStatus.FORBIDDEN and '" cannot ' in message
    no_kind = status.code == HTTPStatus.NOT_FOUND and _kind(status) is None
    return status.code in _SERVER_WIDE or no_rights or no_kind


def _is_denial(message: str) -> bool:
    """Return whether an admission policy or webhook refused, which can have any code."""
    return "ValidatingAdmissionPolicy" in message or "admission webhook" in message


def _is_terminating(status: Status) -> bool:
    causes: list[Any] = (status.details.causes if status.details else None) or []
    return any(cause.reason == "NamespaceTerminating" for cause in causes)


def _kind(status: Status) -> str | None:
    return status.details.kind if status.details else None


def _retry_after(error: ApiError) -> float:
    """Return the seconds to wait that the API server requested, in the header or in the body."""
    header = error.response.headers.get("Retry-After", "") if error.response else ""
    details = error.status.details
    seconds = header if header.isdecimal() else (details.retryAfterSeconds if details else None)
    try:
        return min(max(0.0, float(seconds or 0)), MAX_RETRY_AFTER_SECONDS)
    except OverflowError:  # JSON integers can have any length
        return MAX_RETRY_AFTER_SECONDS
