"""The error that the API server answers with: metav1.Status, as far as it is used."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from oomwarden.core.objects.json_parts import object_at, objects_at


class StatusCause(NamedTuple):
    """One cause of a refusal."""

    reason: str
    field: str
    message: str


class Status(NamedTuple):
    """Why a request failed.

    Attributes:
        code: The code of HTTP, None if the event of a watch has none.
        reason: One word, such as AlreadyExists.
        message: The error in words.
        kind: What the error is about (details.kind), None if it does not say.
        causes: The causes.
        retry_after: Seconds to wait before the next attempt (details.retryAfterSeconds).
        continue_token: A token that continues an expired list from the same place.
        judged: Whether it is from the API server. A proxy in front of it answers with other bodies.
    """

    code: int | None
    reason: str = ""
    message: str = ""
    kind: str | None = None
    causes: tuple[StatusCause, ...] = ()
    retry_after: float = 0.0
    continue_token: str = ""
    judged: bool = True


class ApiError(Exception):
    """The API server refused a request, or could not do it.

    Attributes:
        status: Why.
    """

    def __init__(self, status: Status) -> None:
        super().__init__(status.message or status.reason or f"status {status.code}")
        self.status = status


def read_status(body: Mapping[str, Any]) -> Status:
    """Read a Status object. Fields of other types count as absent."""
    details = object_at(body, "details")
    code, kind = body.get("code"), details.get("kind")
    return Status(
        code=code if isinstance(code, int) else None,
        reason=_text(body, "reason"),
        message=_text(body, "message"),
        kind=kind if isinstance(kind, str) else None,
        causes=tuple(
            StatusCause(_text(each, "reason"), _text(each, "field"), _text(each, "message"))
            for each in objects_at(details, "causes")
        ),
        retry_after=_seconds(details.get("retryAfterSeconds")),
        continue_token=_text(object_at(body, "metadata"), "continue"),
    )


def _text(part: Mapping[str, Any], key: str) -> str:
    found = part.get(key)
    return found if isinstance(found, str) else ""


def _seconds(found: object) -> float:
    try:
        return max(0.0, float(found)) if isinstance(found, int | float) else 0.0
    except OverflowError:  # JSON integers can have any length
        return float("inf")
