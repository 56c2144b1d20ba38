"""The HTTPS server of the ranking: on loopback, for few clients, each for a few seconds.

The pod's loopback is reached through the kubelet's port-forwarding alone (`pods/portforward`):
no other pod can connect. Every request needs a token, before anything else is looked at.
"""

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec import Struct, field

from oomwarden.agent.ranking.access import AccessVerdict
from oomwarden.agent.ranking.tls import ServerTLS
from oomwarden.agent.runtime.worker import StuckError
from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.probes.http_head import (
    MAX_HEAD_BYTES,
    HttpResponse,
    Request,
    error_response,
    header_of,
    parse_request,
    query_of,
    serialize,
)
from oomwarden.probes.loops import JSON

if TYPE_CHECKING:
    from oomwarden.core.badness.rank_report import RankReport

LOOPBACK = "127.0.0.1"
"""Where runtimes connect to for the kubelet, also in clusters of IPv6 only (containerd
internal/cri/server/sandbox_portforward_linux.go; CRI-O internal/oci/runtime_oci_linux.go)."""
PATH = "/rank"
MAX_CLIENTS = 4
MAX_SECONDS = 10.0
MAX_HANDSHAKE_SECONDS = 5.0
_BACKLOG = 8
_RETRY_SECONDS = 1.0
_CLOSE_SECONDS = 1.0
_LOG = logging.getLogger(__name__)

_REFUSALS = {
    AccessVerdict.UNAUTHENTICATED: (
        HTTPStatus.UNAUTHORIZED,
        "a bearer token for the audience of this node's ranking is needed",
    ),
    AccessVerdict.FORBIDDEN: (
        HTTPStatus.FORBIDDEN,
        "the token's user may not get oomnodes/rank of this node",
    ),
    AccessVerdict.TOO_MANY: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "too many tokens were sent; try again in a second",
    ),
    AccessVerdict.UNKNOWN: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the API server could not be asked about the token; see the agent's log",
    ),
}


class RankServer(Struct):
    """Serves until cancelled.

    Attributes:
        tls: The certificate.
        decide: Returns whether the owner of a token may see the ranking.
        report: Returns the ranking.
    """

    tls: ServerTLS
    decide: Callable[[str], Awaitable[AccessVerdict]]
    report: Callable[[], Awaitable["RankReport"]]
    _clients: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CLIENTS))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, listener: socket.socket) -> None:
        """Accept clients of a listening socket; further ones wait in the kernel's short queue."""
        loop = asyncio.get_running_loop()
        while True:
            await self._clients.acquire()
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError as error:  # no free descriptors, or the client has disconnected
                _LOG.debug("a client of the ranking was not accepted: %s", error)
                self._clients.release()
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            task = loop.create_task(self._serve(client), name="rank-client")
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._clients.release()

    async def _serve(self, client: socket.socket) -> None:
        try:
            async with asyncio.timeout(MAX_SECONDS):
                await self._exchange(client)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client was too slow, has disconnected, or does not speak TLS or HTTP
        finally:
            client.close()

    async def _exchange(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(MAX_HEAD_BYTES, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            client,
            ssl=self.tls.context,
            ssl_handshake_timeout=MAX_HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=_CLOSE_SECONDS,
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            writer.write(await self._answer(await _head(reader)))
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        finally:
            transport.abort()

    async def _answer(self, head: bytes) -> bytes:
        request = parse_request(head)
        if not isinstance(request, Request):
            return serialize(request or _CUT)
        try:
            query = query_of(head)
        except ValueError:
            return serialize(_TOO_MANY_PARAMETERS)
        response = await self.respond(request.path, query, _token(head))
        return serialize(response, head_only=request.method == "HEAD")

    async def respond(self, path: str, query: Mapping[str, str], token: str) -> HttpResponse:
        """Return the response to a request."""
        verdict = await self.decide(token)
        if verdict in _REFUSALS:
            return error_response(*_REFUSALS[verdict])
        if path != PATH:
            return error_response(HTTPStatus.NOT_FOUND, f"see {PATH}")
        try:
            return _ranking(await self.report(), query)
        except (StuckError, OSError) as error:
            _LOG.warning(
                "the processes cannot be ranked: %s",
                error,
                extra=about(reason=UNREADABLE, error=str(error)),
            )
            reason = "the kernel does not return what is to be ranked; see the agent's log"
            return error_response(HTTPStatus.SERVICE_UNAVAILABLE, reason)


_TOO_MANY_PARAMETERS = error_response(HTTPStatus.BAD_REQUEST, "the query has too many parameters")
_CUT = error_response(HTTPStatus.BAD_REQUEST, "the request is incomplete")


def _ranking(report: "RankReport", query: Mapping[str, str]) -> HttpResponse:
    namespace, pod = query.get("namespace"), query.get("pod")
    if namespace is None or pod is None:
        return _json(report.of_node())
    found = report.of_pod(namespace, pod)
    if found is None:
        return error_response(HTTPStatus.NOT_FOUND, "this node has no container of that pod")
    return _json(found)


def _json(value: object) -> HttpResponse:
    return HttpResponse(HTTPStatus.OK, json.dumps(value).encode() + b"\n", JSON)


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Return the head of a request, or what has come of one that is too long."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        return await reader.read(error.consumed + 1)


def _token(head: bytes) -> str:
    scheme, _, token = header_of(head, "Authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def listen(port: int) -> socket.socket:
    """Listen on the loopback of the pod.

    Raises:
        OSError: The port is in use.
    """
    listener = socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 - as socket names it
    return listener
