"""A server on loopback that sends prepared bytes, with TLS as the API server has it."""

import asyncio
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from oomwarden.kube.http.exchange import Address, ApiRequest, Transport
from oomwarden.kube.http.pod_transport import PodTransport
from oomwarden.kube.http.service_account import CertificateAuthority, TokenFile


class Then(Enum):
    """What the server does instead of sending more."""

    CLOSE = auto()
    RESET = auto()
    HANG = auto()


Reply = Sequence[bytes | float | Then]
"""What is sent for one request, one piece after the other; a number is a pause in seconds."""


def ok(body: bytes = b"{}", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def refusal(code: int, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d No" % code, b"Content-Length: 0", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def request(method: str = "GET", body: bytes = b"", *, watch: bool = False) -> ApiRequest:
    return ApiRequest(method, "/api", {"Accept": "application/json"}, body, is_watch=watch)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close without a goodbye: the client gets ECONNRESET (socket(7), SO_LINGER)."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


@dataclass(frozen=True)
class Credentials:
    """The files of a service account, and the certificate of the server."""

    folder: Path

    @property
    def token(self) -> Path:
        return self.folder / "token"

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    def make(self, names: str = "IP:127.0.0.1,IP:::1") -> None:
        """Make a certificate that its own CA file trusts."""
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        command = ("openssl", "req", "-x509", *key, "-days", "2", "-subj", "/CN=kubernetes")
        names_too = ("-addext", f"subjectAltName={names}")
        files = ("-keyout", "tls.key", "-out", "ca.crt")
        subprocess.run(
            (*command, *names_too, *files), cwd=self.folder, check=True, capture_output=True
        )

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority, self.folder / "tls.key")
        return context


@dataclass
class RawApi:
    """Sends `replies` in order, whatever connection a request comes on."""

    replies: list[Reply] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    _writers: dict[asyncio.StreamWriter, asyncio.Task[None]] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._writers[writer] = task
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):  # the client is gone
            pass
        finally:
            self._writers.pop(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = [line for line in head.lower().split("\r\n") if line.startswith("content-length")]
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(int(length[0].split(":")[1]) if length else 0))
        for each in self.replies.pop(0):
            match each:
                case bytes():
                    writer.write(each)
                    await writer.drain()
                case float():
                    await asyncio.sleep(each)
                case Then.HANG:
                    await reader.read()
                case Then.RESET:
                    reset(writer)
                    return False
                case Then.CLOSE:
                    return False
        return True

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None) -> AsyncIterator[Address]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=context)
        try:
            yield Address(*server.sockets[0].getsockname()[:2])
        finally:
            server.close()
            for each in tuple(self._writers):
                each.transport.abort()
            await asyncio.gather(*self._writers.values())

    @asynccontextmanager
    async def transport(
        self, credentials: Credentials | None = None, seconds: float = 5.0
    ) -> AsyncIterator[PodTransport]:
        """Serve, and connect: with TLS and a token if there are credentials."""
        async with self.listening(credentials.context() if credentials else None) as address:
            made = PodTransport(
                address,
                CertificateAuthority(credentials.authority) if credentials else None,
                TokenFile(credentials.token) if credentials else None,
                seconds,
            )
            try:
                yield made
            finally:
                await made.aclose()
                await asyncio.sleep(0)


async def body_of(transport: Transport, sent: ApiRequest | None = None) -> bytes:
    """Send a request, and return the body of its response."""
    response = await transport.send(sent or request())
    try:
        return b"".join([piece async for piece in response.body])
    finally:
        await response.body.aclose()
