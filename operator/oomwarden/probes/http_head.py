"""The little of HTTP/1.1 (RFC 9112) that probes and scrapes need: one request, one answer.

Only method and path decide, and the connection ends with the answer: so headers are skipped, and
what a body might smuggle is never read as a request.
"""

from dataclasses import dataclass
from http import HTTPStatus

LONGEST_HEAD = 8192
"""Bytes of request line and headers; Prometheus sends some 500, a kubelet 150."""
PLAIN = "text/plain; charset=utf-8"
_ENDS = (b"\n\r\n", b"\n\n")
"""An empty line, whose lines before may end with a bare LF (RFC 9112, 2.2)."""
_METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus
    body: bytes
    kind: str = PLAIN


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; `path` without its query."""

    method: str
    path: str


def refusal(status: HTTPStatus, why: str) -> Answer:
    """Give an answer that says in one line what is wrong."""
    return Answer(status, why.encode() + b"\n")


def read_head(received: bytes) -> Request | Answer | None:
    """Read what has come so far; None: the head is not complete.

    Returns:
        The request, or the answer to one that is refused.
    """
    head = received.removeprefix(b"\r\n")  # an empty line before a request (RFC 9112, 2.2)
    if head and not head[:1].isalpha() and head != b"\r":
        return _NOT_HTTP  # TLS, say: it would wait for an answer
    ends = [at + len(end) for end in _ENDS if (at := head.find(end)) >= 0]
    if not ends:
        return _unfinished(received)
    if min(ends) > LONGEST_HEAD:
        return _TOO_LONG
    line = head.split(b"\n", 1)[0].rstrip(b"\r").decode("latin-1")
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - RFC 9112, 3
        return _NOT_HTTP
    method, target, _ = words
    if method not in _METHODS:
        return _NOT_ALLOWED
    return Request(method, _path(target))


def _path(target: str) -> str:
    """Give the path of a target, which may begin with a scheme and a host (RFC 9112, 3.2.2)."""
    if target.lower().startswith(("http://", "https://")):
        target = "/" + target.partition("//")[2].partition("/")[2]
    return target.partition("?")[0]


def _unfinished(received: bytes) -> Answer | None:
    return _TOO_LONG if len(received) >= LONGEST_HEAD else None


def as_bytes(answer: Answer, *, head_only: bool = False) -> bytes:
    """Write an answer; the connection closes after it."""
    status = answer.status
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {answer.kind}",
        f"Content-Length: {len(answer.body)}",
        "Connection: close",
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append(f"Allow: {', '.join(_METHODS)}")
    head = "\r\n".join((*lines, "", "")).encode()
    return head if head_only else head + answer.body


_TOO_LONG = refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the request has more than {LONGEST_HEAD} bytes"
)
_NOT_HTTP = refusal(HTTPStatus.BAD_REQUEST, "this is no request of HTTP/1.1")
_NOT_ALLOWED = refusal(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are answered")
