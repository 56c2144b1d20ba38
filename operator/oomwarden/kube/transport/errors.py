"""What an error of the API server means for what was being written."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, cast

import httpx2
from lightkube import ApiError, ConfigError
from lightkube.models.meta_v1 import Status

from oomwarden.api.free_text import readable
from oomwarden.core.objects.deep_json import loads

API_ERRORS = (httpx2.HTTPError, ConfigError)
"""What the client raises: the API server's answers, and everything on the way to it."""
LONGEST_ASKED_SECONDS = 600.0
"""Longest wait that is read: whoever answers in the API server's place may ask for any."""
_SHOWN_BODY = 300
_LONGEST_REASON = 2048
"""Characters of an error in words. A refusal may quote values of tenants, or a webhook anything."""
_NO_STATUS = "Unjudged"
"""In place of a result: what stands before the API server answered, and judges nothing."""
_SERVER_WIDE = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_INVALID = {HTTPStatus.BAD_REQUEST, 413, HTTPStatus.UNPROCESSABLE_ENTITY}


class WriteOutcome(StrEnum):
    """What became of a write."""

    DONE = "Done"
    EXISTS = "Exists"
    RETRY = "Retry"
    UNDELIVERABLE = "Undeliverable"


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What to do about an error; `after` in seconds, where the API server asked for a wait.

    `everywhere`: it is not about this object alone. `refused`: the API server answered, and takes
    this object not as it is or not now; of these `invalid`: by its schema or its size.
    """

    outcome: WriteOutcome
    reason: str
    after: float = 0.0
    everywhere: bool = False
    refused: bool = False
    invalid: bool = False


def error_from(response: httpx2.Response) -> ApiError:
    """Make the error of an answer that is no success, whatever its body; the body must be read."""
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
        told = _read_status(body)
        told.code = response.status_code
        return told
    text = response.text.strip()[:_SHOWN_BODY]
    reason = response.reason_phrase
    return Status(status=_NO_STATUS, code=response.status_code, reason=reason, message=text)


def error_of(body: dict[str, Any]) -> ApiError:
    """Make the error that a watch carries as its last event."""
    return ApiError(status=_read_status(body))


def _read_status(body: dict[str, Any]) -> Status:
    try:
        return cast("Status", Status.from_dict(body))  # typed as its base class by lightkube
    except (TypeError, ValueError):  # fields of other types: a proxy's idea of a Status
        code, message = body.get("code"), str(body.get("message") or "")[:_SHOWN_BODY]
        return Status(code=code if isinstance(code, int) else None, message=message)


def failure(error: Exception) -> WriteResult:
    """Classify what the client raised.

    Final is only that the namespace is gone or going: no namespace comes back from that, and one of
    the same name is another tenant's. All else may mend: rights, quotas, policies and webhooks are
    changed, a missing or older CRD is replaced, the next release may write what this one does not.
    """
    if not isinstance(error, ApiError):
        reason = _words(f"the API server cannot be reached: {_named(error)}")
        return WriteResult(WriteOutcome.RETRY, reason, everywhere=True)
    status, message = error.status, error.status.message or ""
    why = message or _causes(status) or "no message"
    told = _words(f"{status.code} {status.reason or ''}: {why}")
    outcome = _outcome(status, message)
    if outcome is not WriteOutcome.RETRY:
        return WriteResult(outcome, told)
    everywhere = _is_everywhere(status, message)
    invalid = status.code in _INVALID and status.status != _NO_STATUS and not _is_denial(message)
    denied = status.code == HTTPStatus.FORBIDDEN or _is_denial(message)
    refused = not everywhere and (invalid or denied)
    return WriteResult(outcome, told, _asked_wait(error), everywhere, refused, invalid and refused)


def _words(told: str) -> str:
    return readable(told, _LONGEST_REASON)


def _causes(status: Status) -> str:
    causes: list[Any] = (status.details.causes if status.details else None) or []
    return "; ".join(f"{cause.field}: {cause.message}" for cause in causes)


def _named(error: Exception) -> str:
    return f"{error} ({type(error).__name__})" if str(error) else type(error).__name__


def _outcome(status: Status, message: str) -> WriteOutcome:
    if status.code == HTTPStatus.CONFLICT and status.reason == "AlreadyExists":
        return WriteOutcome.EXISTS
    if _is_denial(message):
        return WriteOutcome.RETRY
    gone = status.code == HTTPStatus.NOT_FOUND and _kind(status) == "namespaces"
    going = status.code == HTTPStatus.FORBIDDEN and _is_terminating(status)
    return WriteOutcome.UNDELIVERABLE if gone or going else WriteOutcome.RETRY


def _is_everywhere(status: Status, message: str) -> bool:
    """Whether other objects would fare no better: the server, our token, our rights, the CRD.

    A webhook denies with any code, 404 and 429 among them, and does so of some objects.
    """
    if _is_denial(message):
        return False
    no_rights = status.code == HTTPStatus.FORBIDDEN and '" cannot ' in message
    no_kind = status.code == HTTPStatus.NOT_FOUND and _kind(status) is None
    return status.code in _SERVER_WIDE or no_rights or no_kind


def _is_denial(message: str) -> bool:
    """Whether admission refused: a policy or webhook can be changed, whatever code it answers."""
    return "ValidatingAdmissionPolicy" in message or "admission webhook" in message


def _is_terminating(status: Status) -> bool:
    causes: list[Any] = (status.details.causes if status.details else None) or []
    return any(cause.reason == "NamespaceTerminating" for cause in causes)


def _kind(status: Status) -> str | None:
    return status.details.kind if status.details else None


def _asked_wait(error: ApiError) -> float:
    """Read the wait in seconds that the API server asked for, in the header or in the body."""
    header = error.response.headers.get("Retry-After", "") if error.response else ""
    details = error.status.details
    asked = header if header.isdecimal() else (details.retryAfterSeconds if details else None)
    try:
        return min(max(0.0, float(asked or 0)), LONGEST_ASKED_SECONDS)
    except OverflowError:  # JSON has whole numbers of any length
        return LONGEST_ASKED_SECONDS
