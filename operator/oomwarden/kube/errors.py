"""What an error of the API server means for what was being written."""

import json
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, cast

import httpx2
from lightkube import ApiError, ConfigError
from lightkube.models.meta_v1 import Status

API_ERRORS = (httpx2.HTTPError, ConfigError)
"""What the client raises: the API server's answers, and everything on the way to it."""
_SHOWN_BODY = 300
_INVALID = {HTTPStatus.BAD_REQUEST, 413, HTTPStatus.UNPROCESSABLE_ENTITY}


class Outcome(StrEnum):
    """What became of a write."""

    DONE = "Done"
    EXISTS = "Exists"
    RETRY = "Retry"
    UNDELIVERABLE = "Undeliverable"


@dataclass(frozen=True, slots=True)
class Failure:
    """What to do about an error; `after` in seconds, where the API server asked for a wait."""

    outcome: Outcome
    reason: str
    after: float = 0.0


def error_from(response: httpx2.Response) -> ApiError:
    """Make the error of an answer that is no success, whatever its body; the body must be read."""
    status = _status(response)
    error = ApiError(request=response.request, status=status)
    error.response = response
    return error


def _status(response: httpx2.Response) -> Status:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    if isinstance(body, dict) and body.get("kind") == "Status":
        told = _read_status(body)
        told.code = response.status_code
        return told
    text = response.text.strip()[:_SHOWN_BODY]
    return Status(code=response.status_code, reason=response.reason_phrase, message=text)


def error_of(body: dict[str, Any]) -> ApiError:
    """Make the error that a watch carries as its last event."""
    return ApiError(status=_read_status(body))


def _read_status(body: dict[str, Any]) -> Status:
    return cast("Status", Status.from_dict(body))  # typed as its base class by lightkube


def failure(error: Exception) -> Failure:
    """Classify what the client raised.

    A namespace that is gone, a full quota and a record that the schema refuses do not mend; rights,
    policies, a missing CRD and the network may.
    """
    if not isinstance(error, ApiError):
        return Failure(Outcome.RETRY, f"the API server cannot be reached: {_named(error)}")
    status = error.status
    told = f"{status.code} {status.reason or ''}: {status.message or 'no message'}"
    outcome = _outcome(status, status.message or "")
    return Failure(outcome, told, _asked_wait(error) if outcome is Outcome.RETRY else 0.0)


def _named(error: Exception) -> str:
    return f"{error} ({type(error).__name__})" if str(error) else type(error).__name__


def _outcome(status: Status, message: str) -> Outcome:
    if status.code == HTTPStatus.CONFLICT and status.reason == "AlreadyExists":
        return Outcome.EXISTS
    if _is_mendable(message):
        return Outcome.RETRY
    code = status.code or 0
    gone = code == HTTPStatus.NOT_FOUND and _kind(status) == "namespaces"
    full = code == HTTPStatus.FORBIDDEN and (_is_terminating(status) or "exceeded quota" in message)
    return Outcome.UNDELIVERABLE if gone or full or code in _INVALID else Outcome.RETRY


def _is_mendable(message: str) -> bool:
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
    body = (details.retryAfterSeconds if details else None) or 0
    return float(header) if header.isdecimal() else float(body)
