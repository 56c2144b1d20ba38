"""Latency of an agent's /healthz and /metrics under floods, and what each flood costs."""

import multiprocessing
import resource
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from oomwarden.agent.runtime.health import serve
from oomwarden.core.metrics.exposition import single
from oomwarden.core.metrics.families.nodes import LEDGER_FAMILIES
from oomwarden.probes.loops import Loop
from oomwarden.probes.snapshot import TimedValue

from bench.figures import spread, table

CLIENTS = 2000
SECONDS = 5.0
_KIB = 1024
_PROCESSES = multiprocessing.get_context("spawn")
OTHER_ADDRESS = ("127.0.0.2", 0)
"""An address other than the kubelet's, as pods have."""
HALF = b"GET /healthz HTTP/1.1\r\n"


def main() -> None:
    """Serve in a separate process, flood it in each way, and print the probes' latency."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (CLIENTS + 500, CLIENTS + 500))
    ours, theirs = multiprocessing.Pipe()
    process = _PROCESSES.Process(target=_serve, args=(theirs,))
    process.start()
    target = Target(process.pid or 0, ours.recv())
    target.probe()
    rows = [("before", target.resources())]
    for name, flood in FLOODS.items():
        rows += [(name, target.under(flood))]
    rows += [("after", target.resources())]
    process.terminate()
    process.join()
    table(f"Probes of an agent under floods of {CLIENTS} clients, {SECONDS:g} s each", rows)


def _serve(parent: Connection) -> None:
    families = [single(each, 1) for each in LEDGER_FAMILIES]
    loops = [Loop(f"loop-{number}", lambda: 1.0, 60.0) for number in range(16)]
    parent.send(serve(0, loops, lambda: TimedValue(families, time.monotonic()), str).port)
    threading.Event().wait()


@dataclass(frozen=True, slots=True)
class Target:
    """The process that serves the probes."""

    pid: int
    port: int

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def probe(self, path: str = "/healthz") -> float:
        """Probe as the kubelet does; return the seconds that it took."""
        began = time.monotonic()
        with self.connect() as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: node\r\n\r\n".encode())
            first = client.recv(65536)
            while client.recv(65536):
                pass
        if not first.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"a probe got the answer {first[:80]!r} in place of 200")
        return time.monotonic() - began

    def resources(self) -> str:
        """Describe threads, resident memory and file descriptors."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        found = dict(line.split(":", 1) for line in lines)
        resident = int(found["VmRSS"].split()[0]) / _KIB
        files = len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
        return f"{found['Threads'].strip()} thread(s), {resident:.1f} MiB, {files} descriptors"

    def under(self, flood: "Flood") -> str:
        """Probe during a flood."""
        with flood(self):
            end, times = time.monotonic() + SECONDS, []
            while time.monotonic() < end:
                times.append(1000 * self.probe())
                time.sleep(0.02)
            return f"/healthz in ms: {spread(times, 1)}  {self.resources()}"


Flood = Callable[[Target], ExitStack]


def _half_open(target: Target, sent: bytes) -> ExitStack:
    stack = ExitStack()
    for _ in range(CLIENTS):
        _abandon(stack, target.port, sent)
    return stack


def _abandon(stack: ExitStack, port: int, sent: bytes) -> None:
    """Connect, send, and keep the connection; the server may already have replaced it."""
    client = stack.enter_context(socket.socket())
    client.settimeout(10)
    client.bind(OTHER_ADDRESS)
    with suppress(ConnectionError):
        client.connect(("127.0.0.1", port))
        client.sendall(sent)


def _storm(target: Target, sent: bytes) -> ExitStack:
    """Connect repeatedly from a separate process, and abandon each connection."""
    process = _PROCESSES.Process(target=_connect_repeatedly, args=(target.port, sent))
    process.start()
    time.sleep(1)
    stack = ExitStack()
    stack.callback(process.join)
    stack.callback(process.kill)
    return stack


def _connect_repeatedly(port: int, sent: bytes) -> None:
    while True:
        with ExitStack() as stack:
            for _ in range(CLIENTS):
                _abandon(stack, port, sent)


FLOODS: dict[str, Flood] = {
    "idle connections": lambda target: _half_open(target, b""),
    "half a request each": lambda target: _half_open(target, HALF),
    "constant new connections": lambda target: _storm(target, b""),
    "constant scrapes": lambda target: _storm(target, b"GET /metrics HTTP/1.1\r\n\r\n"),
}
