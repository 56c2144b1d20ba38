"""The kinds of failed calls of the API server, as a metric counts them."""

from enum import StrEnum
from http import HTTPStatus


class ApiErrorKind(StrEnum):
    """Why a call failed. The names are those of Kubernetes' reasons where it has one.

    Attributes:
        UNREACHABLE: There was no connection, or the response is none of the API server's.
        TIMEOUT: No response came in time.
        THROTTLED: The API server has too much to do, or this client asks too often.
        UNAVAILABLE: The API server, or what it needs, has failed.
        UNAUTHORIZED: The token is refused, or cannot be read.
        OTHER: Any other status, such as that of a proxy which redirects.
    """

    UNREACHABLE = "Unreachable"
    TIMEOUT = "Timeout"
    THROTTLED = "Throttled"
    UNAVAILABLE = "Unavailable"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    CONFLICT = "Conflict"
    NOT_FOUND = "NotFound"
    INVALID = "Invalid"
    OTHER = "Other"


_BY_STATUS: dict[int, ApiErrorKind] = {
    HTTPStatus.BAD_REQUEST: ApiErrorKind.INVALID,
    HTTPStatus.UNAUTHORIZED: ApiErrorKind.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: ApiErrorKind.FORBIDDEN,
    HTTPStatus.NOT_FOUND: ApiErrorKind.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: ApiErrorKind.TIMEOUT,
    HTTPStatus.CONFLICT: ApiErrorKind.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ApiErrorKind.INVALID,
    HTTPStatus.UNPROCESSABLE_ENTITY: ApiErrorKind.INVALID,
    HTTPStatus.TOO_MANY_REQUESTS: ApiErrorKind.THROTTLED,
    HTTPStatus.GATEWAY_TIMEOUT: ApiErrorKind.TIMEOUT,
}


def kind_of_status(code: int | None) -> ApiErrorKind | None:
    """Return the kind of an HTTP status that is no success, None if it is no error.

    410 Expired is none: it is how the API server ends an old watch or list, which begins again.
    """
    if code is None:
        return ApiErrorKind.OTHER
    if code == HTTPStatus.GONE:
        return None
    failed = code >= HTTPStatus.INTERNAL_SERVER_ERROR
    return _BY_STATUS.get(code, ApiErrorKind.UNAVAILABLE if failed else ApiErrorKind.OTHER)
