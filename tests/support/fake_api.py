"""A tiny API server on loopback that sends prepared answers, one after the other."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from oomwarden.kube.http.exchange import Address
from oomwarden.kube.http.pod_transport import PodTransport
from oomwarden.kube.transport.client import Client


@dataclass(frozen=True)
class Answer:
    """One answer: the `lines` of a watch, or one body; with `hangs`, the connection stays open."""

    code: int = 200
    lines: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    hangs: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


def body(value: object, code: int = 200) -> Answer:
    return Answer(code, (json.dumps(value),))


def status(code: int, reason: str, message: str, **details: object) -> Answer:
    value = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return body(value | ({"details": details} if details else {}), code)


NO_STREAMS = status(
    422,
    "Invalid",
    'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is '
    "forbidden for watch unless the WatchList feature gate is enabled",
)


def watch(*events: tuple[str, dict[str, Any]], hangs: bool = False) -> Answer:
    lines = [json.dumps({"type": kind, "object": found}) + "\n" for kind, found in events]
    return Answer(lines=tuple(lines), hangs=hangs)


def thing(name: str, version: int = 1) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


def listing(version: int, *names: str) -> Answer:
    items = [thing(name) for name in names]
    return body({"metadata": {"resourceVersion": str(version)}, "items": items})


def client_of(port: int, seconds: float = 2) -> Client:
    return Client(PodTransport(Address("127.0.0.1", port), None, None, seconds))


@dataclass
class FakeApi:
    """Sends `answers` in order and records `requests`.

    `always` has answers by the last segment of the path, which are not used up. Unless it `streams`
    lists, it refuses them as an API server before Kubernetes 1.34 does.
    """

    answers: list[Answer]
    requests: list[Request] = field(default_factory=list)
    always: dict[str, Answer] = field(default_factory=dict)
    streams: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        request_headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        sent = await reader.readexactly(int(request_headers.get("content-length", 0)))
        method, target, _ = head[0].split(" ")
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        content = json.loads(sent) if sent else None
        answer = self.always.get(url.path.rpartition("/")[2])
        if "sendInitialEvents" in query and not self.streams:
            answer = NO_STREAMS
        elif answer is None:
            self.requests.append(Request(method, url.path, query, content, request_headers))
            answer = self.answers.pop(0)
        elif "watch" in query:
            answer = watch(hangs=True)
        headers = "".join(f"{key}: {value}\r\n" for key, value in answer.headers.items())
        writer.write(f"HTTP/1.1 {answer.code} Test\r\n{headers}Connection: close\r\n\r\n".encode())
        writer.write("".join(answer.lines).encode())
        await writer.drain()
        if answer.hangs:
            await reader.read()  # until the client disconnects

    @asynccontextmanager
    async def client(self, seconds: float = 2) -> AsyncIterator[Client]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = client_of(port, seconds)
        try:
            yield client
        finally:
            await client.aclose()
            server.close()
            await server.wait_closed()
