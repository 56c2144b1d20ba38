"""The part of HTTP/1.1 (RFC 9112) that the servers need: one request, one response.

Probes and scrapes need only the method and the path. The connection ends with the response, so a
body can never be mistaken for another request.
"""

from http import HTTPStatus
from urllib.parse import parse_qsl

from msgspec import Struct

MAX_HEAD_BYTES = 8192
"""Limit of request line and headers. Prometheus sends some 500 bytes, a kubelet 150."""
PLAIN = "text/plain; charset=utf-8"
_ENDS = (b"\n\r\n", b"\n\n")
"""The empty line that ends the head. Lines may end with a bare LF (RFC 9112, 2.2)."""
_METHODS = ("GET", "HEAD")
MAX_PARAMETERS = 8
"""Limit of parameters in a query."""


class HttpResponse(Struct, frozen=True):
    """A response to a client. `headers` are those besides the ones that every response has."""

    status: HTTPStatus
    body: bytes
    content_type: str = PLAIN
    headers: tuple[str, ...] = ()


class Request(Struct, frozen=True):
    """A request of a client.

    Attributes:
        method: GET or HEAD.
        path: The path without the query.
        gzip: Whether the client accepts a compressed response.
    """

    method: str
    path: str
    gzip: bool = False


def error_response(status: HTTPStatus, why: str) -> HttpResponse:
    """Return a response whose body is the reason, on one line."""
    return HttpResponse(status, why.encode() + b"\n")


def parse_request(received: bytes) -> Request | HttpResponse | None:
    """Parse the bytes received so far.

    Returns:
        The request, an error response if it is refused, or None if the head is incomplete.
    """
    head = received.removeprefix(b"\r\n")  # an empty line may precede it (RFC 9112, 2.2)
    if head and not head[:1].isalpha() and head != b"\r":
        return _NOT_HTTP  # for example TLS, whose client would wait for a response
    ends = [at + len(end) for end in _ENDS if (at := head.find(end)) >= 0]
    if not ends:
        return _unfinished(received)
    if min(ends) > MAX_HEAD_BYTES:
        return _TOO_LONG
    line = head.split(b"\n", 1)[0].rstrip(b"\r").decode("latin-1")
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - RFC 9112, 3
        return _NOT_HTTP
    method, target, _ = words
    if method not in _METHODS:
        return _NOT_ALLOWED
    gzip = accepts_gzip(header_of(head[: min(ends)], "Accept-Encoding"))
    return Request(method, _path(target), gzip)


def query_of(head: bytes) -> dict[str, str]:
    """Return the parameters in the query of a request that was parsed, of each the first value.

    Raises:
        ValueError: There are too many.
    """
    target = head.removeprefix(b"\r\n").split(b"\n", 1)[0].decode("latin-1").split(" ")[1]
    found: dict[str, str] = {}
    for key, value in parse_qsl(target.partition("?")[2], max_num_fields=MAX_PARAMETERS):
        found.setdefault(key, value)
    return found


def header_of(head: bytes, name: str) -> str:
    """Return the value of a header of a request; empty if there is none."""
    for line in head.split(b"\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name.lower().encode():
            return value.strip().decode("latin-1")
    return ""


def accepts_gzip(accepted: str) -> bool:
    """Return whether an Accept-Encoding allows gzip (RFC 9110, 12.5.3)."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.replace(" ", "").partition(";q=")
        if coding == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


def _path(target: str) -> str:
    """Return the path of a request target, which may have a scheme and a host (RFC 9112, 3.2.2)."""
    if target.lower().startswith(("http://", "https://")):
        target = "/" + target.partition("//")[2].partition("/")[2]
    return target.partition("?")[0]


def _unfinished(received: bytes) -> HttpResponse | None:
    return _TOO_LONG if len(received) >= MAX_HEAD_BYTES else None


def serialize(response: HttpResponse, *, head_only: bool = False) -> bytes:
    """Serialize a response, with a header that announces the end of the connection."""
    status = response.status
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        "Connection: close",
        *response.headers,
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append(f"Allow: {', '.join(_METHODS)}")
    head = "\r\n".join((*lines, "", "")).encode()
    return head if head_only else head + response.body


_TOO_LONG = error_response(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"the request head is larger than {MAX_HEAD_BYTES} bytes",
)
_NOT_HTTP = error_response(HTTPStatus.BAD_REQUEST, "not an HTTP/1.1 request")
_NOT_ALLOWED = error_response(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are allowed")
