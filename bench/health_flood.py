"""/healthz and /metrics of an agent's probes under floods: how soon, and what each flood costs."""

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

from oomwarden.agent.runtime.health import Figures, serve
from oomwarden.agent.runtime.snapshot import Taken
from oomwarden.probes.loops import Loop

from bench.figures import spread, table

CLIENTS = 2000
SECONDS = 5.0
_KIB = 1024
_PROCESSES = multiprocessing.get_context("spawn")
ELSEWHERE = ("127.0.0.2", 0)
"""Another address than the kubelet's, as pods have."""
HALF = b"GET /healthz HTTP/1.1\r\n"


def main() -> None:
    """Serve in a process of its own, flood it in each way, and print what a probe saw."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (CLIENTS + 500, CLIENTS + 500))
    ours, theirs = multiprocessing.Pipe()
    process = _PROCESSES.Process(target=_serve, args=(theirs,))
    process.start()
    target = Target(process.pid or 0, ours.recv())
    target.probe()
    rows = [("before", target.size())]
    for name, flood in FLOODS.items():
        rows += [(name, target.under(flood))]
    rows += [("after", target.size())]
    process.terminate()
    process.join()
    table(f"Probes under floods of {CLIENTS} clients, {SECONDS:g} s each", rows)


def _serve(say: Connection) -> None:
    figures = Figures(3, 1, 0, 2, 5, 0, 0, 0, 0, {"enforce": None})
    loops = [Loop(f"loop-{number}", lambda: 1.0, 60.0) for number in range(16)]
    say.send(serve(0, loops, lambda: Taken(figures, time.monotonic())).port)
    threading.Event().wait()


@dataclass(frozen=True, slots=True)
class Target:
    """The process that serves."""

    pid: int
    port: int

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def probe(self, path: str = "/healthz") -> float:
        """Ask as a kubelet does; give the seconds that it took."""
        began = time.monotonic()
        with self.connect() as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: node\r\n\r\n".encode())
            first = client.recv(65536)
            while client.recv(65536):
                pass
        if not first.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"a probe was answered with {first[:80]!r}")
        return time.monotonic() - began

    def size(self) -> str:
        """Read threads, resident memory and descriptors."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        found = dict(line.split(":", 1) for line in lines)
        resident = int(found["VmRSS"].split()[0]) / _KIB
        files = len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
        return f"{found['Threads'].strip()} thread(s), {resident:.1f} MiB, {files} descriptors"

    def under(self, flood: "Flood") -> str:
        """Probe while a flood lasts."""
        with flood(self):
            end, times = time.monotonic() + SECONDS, []
            while time.monotonic() < end:
                times.append(1000 * self.probe())
                time.sleep(0.02)
            return f"/healthz in ms: {spread(times, 1)}  {self.size()}"


Flood = Callable[[Target], ExitStack]


def _half_open(target: Target, sent: bytes) -> ExitStack:
    stack = ExitStack()
    for _ in range(CLIENTS):
        _leave(stack, target.port, sent)
    return stack


def _leave(stack: ExitStack, port: int, sent: bytes) -> None:
    """Connect, send, and leave it at that; another may already have taken its place."""
    client = stack.enter_context(socket.socket())
    client.settimeout(10)
    client.bind(ELSEWHERE)
    with suppress(ConnectionError):
        client.connect(("127.0.0.1", port))
        client.sendall(sent)


def _storm(target: Target, sent: bytes) -> ExitStack:
    """Connect again and again from a process of its own, and leave each connection behind."""
    process = _PROCESSES.Process(target=_connect_for_ever, args=(target.port, sent))
    process.start()
    time.sleep(1)
    stack = ExitStack()
    stack.callback(process.join)
    stack.callback(process.kill)
    return stack


def _connect_for_ever(port: int, sent: bytes) -> None:
    while True:
        with ExitStack() as stack:
            for _ in range(CLIENTS):
                _leave(stack, port, sent)


FLOODS: dict[str, Flood] = {
    "connected, silent": lambda target: _half_open(target, b""),
    "half a request": lambda target: _half_open(target, HALF),
    "new ones all the time": lambda target: _storm(target, b""),
    "scrapes all the time": lambda target: _storm(target, b"GET /metrics HTTP/1.1\r\n\r\n"),
}
