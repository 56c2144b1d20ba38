"""Clients of a probe server, and the process that runs the server."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
BIG = b"x" * 1_000_000
"""More than the buffers of a connection whose client does not read."""
METRICS = b'oomwarden_near_misses_total{container="app"} 1\n' * 20_000
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n"


@dataclass
class ProbedProcess:
    """The process that runs the probe server."""

    process: subprocess.Popen[str]
    port: int

    def command(self, word: str) -> None:
        """Send a command, and wait until it is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(word, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "done\n"

    def status(self, name: str) -> int:
        """Return a number from /proc/PID/status (proc_pid_status(5))."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith(name)).split()[1])

    def processor_seconds(self) -> float:
        """Return the CPU time of all its threads (proc_pid_stat(5))."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def comes_to(self, descriptors: int, seconds: float = 10) -> bool:
        """Return whether it soon has at most this many descriptors."""
        end = time.monotonic() + seconds
        while (left := self.descriptors()) > descriptors and time.monotonic() < end:
            time.sleep(0.02)
        return left <= descriptors

    def connect(self, host: str = "127.0.0.1") -> socket.socket:
        client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect((host, self.port))
        return client

    def ask(self, sent: bytes = HEALTHZ, host: str = "127.0.0.1") -> bytes:
        """Send bytes, and read until the server closes the connection."""
        with self.connect(host) as client:
            client.sendall(sent)
            return read_all(client)

    def seconds_of_a_probe(self) -> float:
        """Probe as a kubelet does, and return how long it took, in seconds."""
        began = time.monotonic()
        assert self.ask().startswith(b"HTTP/1.1 200 ")
        return time.monotonic() - began


def read_all(client: socket.socket) -> bytes:
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def probed_process(max_seconds: float = 5.0) -> Iterator[ProbedProcess]:
    """Start the process; `max_seconds` in seconds as in ProbeServer."""
    command = [sys.executable, str(HERE / "probed_program.py"), str(max_seconds)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield ProbedProcess(process, int(process.stdout.readline()))
        process.kill()


@contextmanager
def crowd(served: ProbedProcess, number: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open `number` connections and keep them open."""
    with ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(number)]
        for client in clients if sent else ():
            try:
                client.sendall(sent)
            except OSError:
                assert served.process.poll() is None
        yield clients
