"""The transport of agent and operator in their pods: asyncio, ssl and h11, nothing else."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import h11

from oomwarden.kube.http.byte_stream import BUFFER_BYTES, open_stream
from oomwarden.kube.http.exchange import Address, ApiRequest, ApiResponse
from oomwarden.kube.http.failures import ConnectionLostError, TimedOutError
from oomwarden.kube.http.http1 import Http1Body, Http1Connection
from oomwarden.kube.http.service_account import CertificateAuthority, TokenFile

MAX_CONNECTIONS = 32
"""In use at a time, besides watches. An agent sends 8 records at once, and asks little else."""
MAX_IDLE_CONNECTIONS = 8
IDLE_SECONDS = 80.0
"""The API server closes an idle connection after 90 s (apiserver secure_serving.go). If a load
balancer in front of it is earlier, it says so, and the connection is not used again."""
_UNAUTHORIZED = 401
_REPEATABLE = "GET"


class PodTransport:
    """Sends requests over kept connections.

    A kept connection may have been closed by the server just when a request is sent. If it breaks
    before the first byte of a response, a GET is sent again on a new connection. Nothing else is:
    the server may have done what it was asked, and only the caller knows what a second time means.

    Args:
        address: The API server.
        authority: Whom to trust; None for a connection without TLS, as tests have.
        token: Who asks; None for nobody.
        seconds: Time-out of connecting, of sending, and of each wait for a byte.
    """

    def __init__(
        self,
        address: Address,
        authority: CertificateAuthority | None,
        token: TokenFile | None,
        seconds: float,
    ) -> None:
        self._address, self._authority, self._token = address, authority, token
        self._seconds = seconds
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._idle: dict[Http1Connection, float] = {}
        self._in_use: set[Http1Connection] = set()
        self._cleaning: asyncio.TimerHandle | None = None

    async def send(self, request: ApiRequest) -> ApiResponse:
        """Send a request with the token; once more if it was refused and the file has another."""
        if self._token is None:
            return await self._exchange(request)
        token = self._token.current()
        response = await self._exchange(_signed(request, token))
        if response.status == _UNAUTHORIZED and (other := self._token.renewed(token)):
            await response.body.aclose()
            response = await self._exchange(_signed(request, other))
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        if self._cleaning is not None:
            self._cleaning.cancel()
        for each in (*self._idle, *self._in_use):
            each.close()
        self._idle.clear()

    async def _exchange(self, request: ApiRequest) -> ApiResponse:
        if request.is_watch:
            return await self._on_a_connection(request)
        await self._take_place()
        try:
            return await self._on_a_connection(request)
        except BaseException:
            self._places.release()
            raise

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()  # at once
            return
        try:
            async with asyncio.timeout(self._seconds):
                await self._places.acquire()
        except TimeoutError as error:
            raise TimedOutError(f"{MAX_CONNECTIONS} requests are unanswered") from error

    async def _on_a_connection(self, request: ApiRequest) -> ApiResponse:
        if (kept := self._kept()) is not None:
            try:
                return await self._answer(kept, request)
            except ConnectionLostError:
                if request.method != _REPEATABLE or kept.has_answered:
                    raise
        context = self._authority.context() if self._authority else None
        stream = await open_stream(self._address, self._seconds, self._buffer, context)
        fresh = Http1Connection(stream, self._address, self._seconds)
        return await self._answer(fresh, request)

    async def _answer(self, connection: Http1Connection, request: ApiRequest) -> ApiResponse:
        self._in_use.add(connection)
        try:
            head = await connection.start(request)
        except BaseException:  # cancelled, too: the response may still arrive, and must not be
            self._in_use.discard(connection)  # taken for that of another request
            connection.close()
            raise
        give_back = self._give_back_watch if request.is_watch else self._give_back
        body = Http1Body(connection, give_back)
        reason = bytes(head.reason).decode("ascii", "replace")
        return ApiResponse(head.status_code, reason, _headers(head), body)

    def _kept(self) -> Http1Connection | None:
        """Take the connection that was used last: the others may become unnecessary."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_ready():
                return connection
            connection.close()
        return None

    def _give_back(self, connection: Http1Connection) -> None:
        self._places.release()
        self._give_back_watch(connection)

    def _give_back_watch(self, connection: Http1Connection) -> None:
        self._in_use.discard(connection)
        if len(self._idle) >= MAX_IDLE_CONNECTIONS or not connection.is_ready():
            connection.close()
            return
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.time()
        if self._cleaning is None:
            self._cleaning = loop.call_later(IDLE_SECONDS, self._close_unused)

    def _close_unused(self) -> None:
        """Close what was not used for IDLE_SECONDS, and look again when the next one is due."""
        self._cleaning = None
        loop = asyncio.get_running_loop()
        for connection, since in tuple(self._idle.items()):
            if since + IDLE_SECONDS > loop.time():
                self._cleaning = loop.call_at(since + IDLE_SECONDS, self._close_unused)
                break
            del self._idle[connection]
            connection.close()


def in_pod(address: Address, directory: Path, seconds: float) -> PodTransport:
    """Return the transport of the ServiceAccount whose files are in `directory`."""
    authority = CertificateAuthority(directory / "ca.crt")
    return PodTransport(address, authority, TokenFile(directory / "token"), seconds)


def _signed(request: ApiRequest, token: str) -> ApiRequest:
    headers = {**request.headers, "Authorization": f"Bearer {token}"}
    return request._replace(headers=headers)


def _headers(head: h11.Response) -> Mapping[str, str]:
    return {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
