"""HTTP/1.1 as an API server speaks it: one request after the other on a connection."""

import asyncio
import gzip
import json
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMPRESSED_FROM = 128 * 1024
"""apiserver endpoints/handlers/responsewriters/writers.go, defaultGzipThresholdBytes."""
_REASONS = {200: "OK", 201: "Created", 404: "Not Found", 409: "Conflict", 405: "Method Not Allowed"}


@dataclass(frozen=True)
class Target:
    """What a path names: a collection, an object, or a part of an object."""

    resource: str
    namespace: str = ""
    name: str = ""
    part: str = ""


@dataclass
class Request:
    """One request; `received` is its size in bytes."""

    method: str
    target: Target
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    received: int

    @property
    def verb(self) -> str:
        """The verb as the API server names it."""
        if "watch" in self.query:
            return "watch"
        if self.method == "GET":
            return "get" if self.target.name else "list"
        verbs = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
        return verbs[self.method]


@dataclass
class Response:
    """One response with a JSON body."""

    code: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self, request: Request) -> bytes:
        """Return head and body, compressed if it is large and the client accepts it."""
        body, headers = self.body, dict(self.headers)
        accepted = "gzip" in request.headers.get("accept-encoding", "")
        if accepted and len(body) >= COMPRESSED_FROM:
            body, headers = gzip.compress(body, 1), headers | {"Content-Encoding": "gzip"}
        return head(self.code, headers | {"Content-Length": str(len(body))}) + body


def head(code: int, headers: dict[str, str]) -> bytes:
    """Return the head of a response."""
    every = {"Content-Type": "application/json", "Date": formatdate(usegmt=True), **headers}
    lines = [f"HTTP/1.1 {code} {_REASONS.get(code, 'Error')}"]
    lines += [f"{key}: {value}" for key, value in every.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None if the client has closed the connection."""
    try:
        text = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = text.decode().split("\r\n")
    headers = {key.lower(): value for key, _, value in (one.partition(": ") for one in lines)}
    body = await _read_body(reader, headers)
    method, url, _ = first.split(" ")
    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    content = json.loads(body) if body else None
    return Request(method, target(parts.path), query, headers, content, len(text) + len(body))


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    pieces: list[bytes] = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
    await reader.readuntil(b"\r\n")
    return b"".join(pieces)


def target(path: str) -> Target:
    """Parse a path: /api/v1/... or /apis/GROUP/VERSION/..., with or without a namespace."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in {"status", "finalize"}:  # noqa: PLR2004
        namespace, rest = rest[1], rest[2:]
    resource, name, part = (*rest, "", "", "")[:3]
    return Target(resource, namespace, name, part)
