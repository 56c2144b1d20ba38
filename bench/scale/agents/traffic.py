"""Counts what agents send and receive: requests by verb and resource, and bytes on the wire."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from oomwarden.kube.http.exchange import ApiRequest, ApiResponse, ResponseBody, Transport

REFUSED = 400
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_IN_NAMESPACE = 2


@dataclass
class Traffic:
    """The traffic of all agents in this process since it began.

    Attributes:
        requests: Requests by name, such as `list pods`.
        bodies: Bytes of the bodies of responses by name, as they were sent (compressed).
        refused: Responses by status code, from 400 on.
        lost: Requests without a response.
        by_second: Requests by second of the monotonic clock, which all processes share.
        slowest: The longest time to the head of a response, in seconds.
        connections: Connections opened.
        open: Connections that are open.
        sent: Bytes sent, TLS included.
        received: Bytes received, TLS included.
    """

    requests: Counter[str] = field(default_factory=Counter)
    bodies: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    by_second: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    connections: int = 0
    open: int = 0
    sent: int = 0
    received: int = 0

    def begin(self) -> None:
        """Begin a scenario: peaks count from now on."""
        self.by_second.clear()
        self.slowest = 0.0


class CountedTransport:
    """A transport that counts."""

    def __init__(self, transport: Transport, traffic: Traffic) -> None:
        self._transport, self._traffic = transport, traffic

    async def send(self, request: ApiRequest) -> ApiResponse:
        """Send a request."""
        traffic, began = self._traffic, time.monotonic()
        name = request_name(request.method, request.target)
        traffic.requests[name] += 1
        traffic.by_second[str(int(began))] += 1
        try:
            response = await self._transport.send(request)
        except BaseException:
            traffic.lost += 1
            raise
        traffic.slowest = max(traffic.slowest, time.monotonic() - began)
        if response.status >= REFUSED:
            traffic.refused[str(response.status)] += 1
        return response._replace(body=_CountedBody(response.body, traffic, name))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


class _CountedBody:
    def __init__(self, body: ResponseBody, traffic: Traffic, name: str) -> None:
        self._body, self._traffic, self._name = body, traffic, name

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._body)
        self._traffic.bodies[self._name] += len(piece)
        return piece

    async def aclose(self) -> None:
        await self._body.aclose()


class CountingLoop(asyncio.SelectorEventLoop):
    """An event loop that counts the bytes of the connections that are opened in it."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__()
        self.traffic = traffic

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BufferedProtocol],
        *where: Any,
        **how: Any,
    ) -> tuple[asyncio.BaseTransport, asyncio.BufferedProtocol]:
        """Open a connection whose bytes are counted."""

        def make() -> _CountedProtocol:
            return _CountedProtocol(protocol_factory(), self.traffic)

        transport, counted = await super().create_connection(make, *where, **how)
        return transport, counted.inner


class _CountedProtocol(asyncio.BufferedProtocol):
    """Passes everything on to a protocol."""

    def __init__(self, inner: asyncio.BufferedProtocol, traffic: Traffic) -> None:
        self.inner, self._traffic = inner, traffic

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._traffic.connections += 1
        self._traffic.open += 1
        counted = _CountedWriter(cast("asyncio.Transport", transport), self._traffic)
        self.inner.connection_made(cast("asyncio.Transport", counted))

    def get_buffer(self, sizehint: int) -> Any:
        return self.inner.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        self._traffic.received += nbytes
        self.inner.buffer_updated(nbytes)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._traffic.open -= 1
        self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()


class _CountedWriter:
    """The transport as the protocol sees it."""

    def __init__(self, transport: asyncio.Transport, traffic: Traffic) -> None:
        self._transport, self._traffic = transport, traffic

    def write(self, data: bytes) -> None:
        self._traffic.sent += len(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def request_name(method: str, target: str) -> str:
    """Return verb and resource: `watch pods`, `get nodes`, `update oomnodes/status`.

    A list that a watch continues is a `stream`.
    """
    url = urlsplit(target)
    parts = url.path.strip("/").split("/")
    parts = parts[3:] if parts[0] == "apis" else parts[2:]
    if parts[:1] == ["namespaces"] and len(parts) > _IN_NAMESPACE:
        parts = parts[_IN_NAMESPACE:]
    if not parts:
        return f"{method.lower()} {url.path}"
    resource = "/".join([parts[0], *parts[2:]])
    if method != "GET":
        return f"{_VERBS.get(method, method.lower())} {resource}"
    if len(parts) > 1:
        return f"get {resource}"
    query = parse_qs(url.query)
    verb = "stream" if "sendInitialEvents" in query else "watch" if "watch" in query else "list"
    return f"{verb} {resource}"
