"""A connection of bytes over TCP, with or without TLS, in little memory.

asyncio's own TLS has a buffer of 256 KiB for each connection and its streams one more, so that an
agent's seven watches would take 3 MiB. Here all connections read into one buffer of 32 KiB, and TLS
works on memory of OpenSSL that is empty while a watch is quiet.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from oomwarden.kube.http.exchange import Address
from oomwarden.kube.http.failures import ConnectError, ConnectionLostError

BUFFER_BYTES = 32 * 1024
MAX_UNREAD_BYTES = 2 * BUFFER_BYTES
"""What may arrive before it is read; then the connection is not read further, and TCP stops the
sender."""


class ByteStream(asyncio.BufferedProtocol):
    """Reads and writes bytes.

    Args:
        buffer: What bytes are received into. Streams of one event loop may share it.
        context: How to encrypt; None for plain TCP.
        host: The name or address that the server's certificate must have.
    """

    def __init__(self, buffer: memoryview, context: ssl.SSLContext | None, host: str) -> None:
        self._buffer = buffer
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        if context is not None:
            name = host.encode()  # as text, Python would load its tables of IDNA, 0.4 MiB
            self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=name)
        self._transport: asyncio.Transport | None = None
        self._ended = self._paused = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Return what to receive into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take over what was received."""
        self._received.write(self._buffer[:nbytes])
        if self._transport and not self._paused and self._received.pending > MAX_UNREAD_BYTES:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Note that nothing more will arrive; asyncio then closes the connection."""
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone."""
        self._error = self._error or exc
        self._end()
        self._writable.set()

    def pause_writing(self) -> None:
        """Let writers wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let writers continue."""
        self._writable.set()

    # What its user calls.

    async def handshake(self) -> None:
        """Agree on encryption.

        Raises:
            ssl.SSLError: The server is not trusted, or does not speak TLS.
            ConnectionLostError: The connection ended.
        """
        while self._tls is not None:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                await self._wait_for_bytes()
            else:
                break
        self._flush()

    async def read_next(self) -> bytes:
        """Wait for what arrives after a `read_now` that returned None, and return it.

        Raises:
            ConnectionLostError: The connection broke.
        """
        found = None
        while found is None:
            await self._wait_for_bytes()
            found = self.read_now()
        return found

    def read_now(self) -> bytes | None:
        """Return what has arrived, None if nothing has, and nothing after the last byte.

        Raises:
            ConnectionLostError: The connection broke, or what arrived cannot be decrypted.
        """
        found = self._decrypted() if self._tls else (self._received.read(BUFFER_BYTES) or None)
        if self._paused and self._transport and self._received.pending <= BUFFER_BYTES:
            self._paused = False
            self._transport.resume_reading()
        if found is None and self._ended:
            if self._error is not None or self._tls is not None:
                raise self._loss()
            return b""
        return found

    def write(self, data: bytes) -> bool:
        """Send bytes. Return whether all are on their way; else wait with `drain`.

        Raises:
            ConnectionLostError: The connection broke.
        """
        rest = memoryview(data)
        try:
            while self._tls is not None and rest:
                rest = rest[self._tls.write(rest) :]
        except ssl.SSLError as error:
            raise ConnectionLostError(str(error)) from error
        self._to_send.write(rest)
        self._flush()
        return self._writable.is_set()

    async def drain(self) -> None:
        """Wait while much is unsent.

        Raises:
            ConnectionLostError: The connection broke.
        """
        await self._writable.wait()
        if self._error is not None:
            raise self._loss()

    @property
    def has_ended(self) -> bool:
        """Return whether the server has closed the connection, or it broke."""
        return self._ended

    def close(self) -> None:
        """Say goodbye, and close. What the server does not take at once is dropped."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._tls is not None:
            with suppress(ssl.SSLError, ValueError):  # it would wait for the server's goodbye
                self._tls.unwrap()
            self._flush()
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        self._transport.close()

    def _decrypted(self) -> bytes | None:
        """Return what has arrived, of several TLS records: each has 16 KiB at most."""
        assert self._tls is not None  # noqa: S101 - the caller has checked
        parts, size = list[bytes](), 0
        try:
            while size < BUFFER_BYTES and (part := self._tls.read(BUFFER_BYTES)):
                parts.append(part)
                size += len(part)
        except ssl.SSLWantReadError:
            self._flush()
            return b"".join(parts) or None
        except ssl.SSLZeroReturnError:
            pass  # the next read says so again
        except ssl.SSLError as error:
            if not parts:
                raise ConnectionLostError(str(error)) from error
        return b"".join(parts)

    def _flush(self) -> None:
        if (sealed := self._to_send.read()) and self._transport:
            self._transport.write(sealed)

    async def _wait_for_bytes(self) -> None:
        if self._ended:
            raise self._loss()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _loss(self) -> ConnectionLostError:
        why = f": {self._error}" if self._error else ""
        return ConnectionLostError(f"the connection was closed{why}")

    def _end(self) -> None:
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def open_stream(
    address: Address, seconds: float, buffer: memoryview, context: ssl.SSLContext | None
) -> ByteStream:
    """Connect, and agree on encryption.

    Args:
        address: The server.
        seconds: Time-out of both.
        buffer: See ByteStream.
        context: See ByteStream.

    Raises:
        ConnectError: There is no connection.
    """

    def make() -> ByteStream:
        return ByteStream(buffer, context, address.host)

    try:
        async with asyncio.timeout(seconds):
            return await _connected(address, make)
    except TimeoutError as error:
        raise ConnectError(f"no connection to {address.authority} in {seconds:g} s") from error
    except (OSError, ConnectionLostError) as error:
        raise ConnectError(str(error)) from error


async def _connected(address: Address, make: Callable[[], ByteStream]) -> ByteStream:
    _, stream = await asyncio.get_running_loop().create_connection(make, *address)
    try:
        await stream.handshake()
    except BaseException:
        stream.close()
        raise
    return stream
