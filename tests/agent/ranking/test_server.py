import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from oomwarden.agent.ranking import server as module
from oomwarden.agent.ranking.access import AccessVerdict
from oomwarden.agent.ranking.server import MAX_CLIENTS, RankServer, listen
from oomwarden.agent.ranking.tls import server_tls
from oomwarden.agent.runtime.worker import StuckError
from oomwarden.core.badness.machine_reading import MachineReading, MachineTotals
from oomwarden.core.badness.rank_report import RankReport

MEMORY = MachineTotals(1 << 30, 0, None, 60, 4096)
REPORT = RankReport(MachineReading("n1", "now", MEMORY, (), 0, (), {}, is_nested=False))


@dataclass
class Served:
    """A server, the verdict on the next token, and what was asked of it."""

    port: int
    verdict: AccessVerdict = AccessVerdict.ALLOWED
    tokens: list[str] = field(default_factory=list)
    reports: int = 0
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    full: asyncio.Event = field(default_factory=asyncio.Event)
    busy: int = 0
    most: int = 0

    async def decide(self, token: str) -> AccessVerdict:
        self.tokens.append(token)
        return self.verdict

    async def report(self) -> RankReport:
        self.reports += 1
        self.busy += 1
        self.most = max(self.most, self.busy)
        if self.busy == MAX_CLIENTS:
            self.full.set()
        if self.gate:
            await self.gate.wait()
        self.busy -= 1
        if self.failure:
            raise self.failure
        return REPORT

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context)

    async def send(self, request: bytes) -> bytes:
        reader, writer = await self.connect()
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
        return answer

    async def get(self, target: str, *headers: str) -> tuple[int, Any]:
        lines = [f"GET {target} HTTP/1.1", "Host: x", *headers, "", ""]
        head, _, body = (await self.send("\r\n".join(lines).encode())).partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), json.loads(body) if b"json" in head else body.decode()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    listener = listen(0)
    found = Served(listener.getsockname()[1])
    task = asyncio.create_task(RankServer(server_tls(), found.decide, found.report).run(listener))
    yield found
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    listener.close()


BEARER = "Authorization: Bearer abc"


async def test_a_token_opens_the_ranking_of_the_node(served: Served) -> None:
    status, answer = await served.get("/rank", BEARER)
    assert (status, answer["kind"], answer["node"]) == (200, "OOMRank", "n1")
    assert served.tokens == ["abc"]


async def test_the_listener_is_on_loopback_only(served: Served) -> None:
    del served
    with listen(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (AccessVerdict.UNAUTHENTICATED, 401),
        (AccessVerdict.FORBIDDEN, 403),
        (AccessVerdict.TOO_MANY, 429),
        (AccessVerdict.UNKNOWN, 503),
    ],
)
@pytest.mark.parametrize("target", ["/rank", "/rank?namespace=a&pod=b", "/", "/metrics"])
async def test_without_the_right_nothing_is_read_or_said(
    served: Served, verdict: AccessVerdict, status: int, target: str
) -> None:
    served.verdict = verdict
    assert (await served.get(target, BEARER))[0] == status
    assert served.reports == 0


@pytest.mark.parametrize("header", ["X: y", "Authorization: Basic abc", "Authorization: Bearer"])
async def test_what_is_no_bearer_token_counts_as_none(served: Served, header: str) -> None:
    await served.get("/rank", header)
    assert served.tokens == [""]


async def test_the_header_and_the_scheme_are_read_without_regard_to_case(served: Served) -> None:
    await served.get("/rank", "AUTHORIZATION:  bearer abc ")
    assert served.tokens == ["abc"]


async def test_an_unknown_path_or_pod_is_not_found(served: Served) -> None:
    assert (await served.get("/metrics", BEARER))[0] == 404
    assert (await served.get("/rank?namespace=shop&pod=x", BEARER))[0] == 404


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /rank HTTP/1.1\r\n\r\n", b"405"),
        (b"\x16\x03\x01\r\n\r\n", b"400"),
        (b"GET /rank\r\n\r\n", b"400"),
        (b"GET /rank?" + b"a=1&" * 50 + b" HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /rank HTTP/1.1\r\nX: " + b"x" * 9000, b"431"),
    ],
)
async def test_a_bad_request_is_refused_before_its_token_is_looked_at(
    served: Served, request_: bytes, status: bytes
) -> None:
    assert (await served.send(request_)).split(b" ")[1] == status
    assert served.tokens == []


@pytest.mark.parametrize("failure", [StuckError("ranking"), OSError("no")])
async def test_what_cannot_be_read_is_said(served: Served, failure: Exception) -> None:
    served.failure = failure
    status, answer = await served.get("/rank", BEARER)
    assert status == 503
    assert "see the agent's log" in answer


async def test_a_client_that_does_not_speak_tls_is_dropped(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /rank HTTP/1.1\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        assert b"HTTP" not in await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert (await served.get("/rank", BEARER))[0] == 200


async def test_slow_clients_are_dropped_so_that_others_get_their_turn(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.3)
    monkeypatch.setattr(module, "MAX_HANDSHAKE_SECONDS", 0.3)
    silent = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(MAX_CLIENTS)]
    assert (await served.get("/rank", BEARER))[0] == 200
    for _, writer in silent:
        writer.close()
    halves = [await served.connect() for _ in range(2)]
    for reader, writer in halves:
        writer.write(b"GET /rank HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_only_a_few_clients_are_served_at_a_time(served: Served) -> None:
    served.gate = asyncio.Event()
    asked = [asyncio.create_task(served.get("/rank", BEARER)) for _ in range(2 * MAX_CLIENTS)]
    async with asyncio.timeout(10):
        await served.full.wait()
        served.gate.set()
        answers = await asyncio.gather(*asked)
    assert [status for status, _ in answers] == [200] * 2 * MAX_CLIENTS
    assert served.most == MAX_CLIENTS


async def test_a_client_that_disconnects_leaves_nothing_open(served: Served) -> None:
    for _ in range(3):
        _, writer = await served.connect()
        writer.transport.abort()
    plain = socket.create_connection(("127.0.0.1", served.port))
    plain.close()
    assert (await served.get("/rank", BEARER))[0] == 200
