"""One connection of HTTP/1.1: requests and responses take turns on it. h11 parses."""

import asyncio
from collections.abc import Callable
from typing import Self

import h11

from oomwarden.kube.http.byte_stream import ByteStream
from oomwarden.kube.http.exchange import Address, ApiRequest
from oomwarden.kube.http.failures import (
    ConnectionLostError,
    ProtocolError,
    ReadTimeoutError,
    TimedOutError,
)

MAX_HEAD_BYTES = 64 * 1024
"""Of a response: status line and headers, or the line before a chunk."""
MAX_INTERIM = 16
"""Responses with a status below 200 before the final one."""


class Http1Connection:
    """A connection that is used for one request at a time.

    Attributes:
        has_answered: Whether a byte of the response to the current request has arrived.
    """

    def __init__(self, stream: ByteStream, address: Address, seconds: float) -> None:
        self.has_answered = False
        self._stream, self._host, self._seconds = stream, address.authority, seconds
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._silence = seconds

    async def start(self, request: ApiRequest) -> h11.Response:
        """Send a request, and return the head of its response.

        Raises:
            TransportError: No response arrived.
        """
        self.has_answered = False
        self._silence = request.silence or self._seconds
        if not self._stream.write(self._encoded(request)):
            await self._drain()
        for _ in range(MAX_INTERIM):
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                break
        raise ProtocolError("the server did not answer with a response")

    async def piece(self) -> bytes:
        """Return the next bytes of the body; none after the last.

        Raises:
            TransportError: The body is incomplete.
        """
        event = await self._next()
        return event.data if isinstance(event, h11.Data) else b""

    def is_ready(self) -> bool:
        """Return whether it can take another request: the last exchange is complete."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        if self._http.our_state is not h11.IDLE or self._stream.has_ended:
            return False
        try:
            return self._stream.read_now() is None and self._http.trailing_data == (b"", False)
        except ConnectionLostError:
            return False

    def close(self) -> None:
        """Close it, whatever is going on."""
        self._stream.close()

    def _encoded(self, request: ApiRequest) -> bytes:
        headers = [("Host", self._host), *request.headers.items()]
        if request.body:
            headers.append(("Content-Length", str(len(request.body))))
        try:
            head = h11.Request(method=request.method, target=request.target, headers=headers)
            parts = [self._http.send(head)]
            if request.body:
                parts.append(self._http.send(h11.Data(data=request.body)))
            parts.append(self._http.send(h11.EndOfMessage()))
        except h11.LocalProtocolError as error:
            raise ProtocolError(f"the request cannot be sent: {error}") from error
        return b"".join(filter(None, parts))

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._stream.drain()
        except TimeoutError as error:
            raise TimedOutError("the request could not be sent") from error

    async def _next(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._read())
        except h11.RemoteProtocolError as error:
            raise ProtocolError(str(error)) from error
        return event

    async def _read(self) -> bytes:
        found = self._stream.read_now()  # a timer for each piece of an answer would cost more
        if found is None:
            try:
                async with asyncio.timeout(self._silence):
                    found = await self._stream.read_next()
            except TimeoutError as error:
                raise ReadTimeoutError(f"nothing arrived for {self._silence:g} s") from error
        if not found and not self.has_answered:
            raise ConnectionLostError("the server closed the connection without a response")
        self.has_answered = True
        return found


class Http1Body:
    """A body. When it ends, or is closed, its connection is given back."""

    def __init__(
        self, connection: Http1Connection, give_back: Callable[[Http1Connection], None]
    ) -> None:
        self._connection = connection
        self._give_back: Callable[[Http1Connection], None] | None = give_back

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next bytes."""
        if self._give_back is None:
            raise StopAsyncIteration
        if found := await self._connection.piece():
            return found
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Give the connection back."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back(self._connection)
