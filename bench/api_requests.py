"""CPU time and memory of requests to an API server with TLS, by the two transports.

A GET of a Node of 4 KB and a POST of an OOMKill of 2 KB on loopback, one after the other and eight
at once. Each transport has a process of its own, and so has the server.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from oomwarden.kube.http.exchange import Address, Transport
from oomwarden.kube.http.pod_transport import in_pod
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.resources import Node, OOMKill

from bench.figures import table
from tests.support.raw_api import Credentials, ok

REQUESTS = 2000
_NODE = {"metadata": {"name": "n", "labels": {f"label-{n}": "x" * 40 for n in range(80)}}}
_KILL = {"metadata": {"namespace": "shop", "name": "k"}, "victims": ["x" * 190] * 10}
_CONFIG = """
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: c
  cluster: {{server: "https://127.0.0.1:{port}", certificate-authority: ca.crt}}
contexts: [{{name: one, context: {{cluster: c, user: u}}}}]
users: [{{name: u, user: {{token: t}}}}]
"""


def main() -> None:
    """Measure both, and print the figures and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        account = Credentials(Path(folder))
        account.make()
        account.token.write_text("t")
        server = _start("serve", folder)
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        try:
            port = server.stdout.readline().strip()
            found = {name: _measured(name, folder, port) for name in ("pod", "kubeconfig")}
        finally:
            server.kill()
            server.wait()
    title = "Requests to an API server: asyncio + h11 in a pod; lightkube + httpx2; ratio"
    table(title, [(what, _compared(found, what)) for what in found["pod"]])


def _compared(found: dict[str, dict[str, float]], what: str) -> str:
    pod, other = found["pod"][what], found["kubeconfig"][what]
    return f"{pod:.2f}  {other:.2f}  {other / pod:.1f}"


def _start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bench.api_requests", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _measured(name: str, folder: str, port: str) -> dict[str, float]:
    output, _ = _start(name, folder, port).communicate(timeout=120)
    found: dict[str, float] = json.loads(output)
    return found


def _memory() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def _serve(folder: Path) -> None:
    """Answer every request with the node."""
    answer = ok(json.dumps(_NODE).encode(), b"Content-Type: application/json")

    async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
                await reader.readexactly(int(length or b"0"))
                writer.write(answer)

    context = Credentials(folder).context()
    server = await asyncio.start_server(each, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _kubeconfig(folder: Path, port: int) -> Transport:
    from lightkube import KubeConfig  # noqa: PLC0415 - not in the process of the other transport
    from oomwarden.kube.http.kubeconfig_transport import of_context  # noqa: PLC0415

    (folder / "config").write_text(_CONFIG.format(port=port))
    config = KubeConfig.from_file(folder / "config").get()
    assert config is not None  # noqa: S101 - it has a current context
    return of_context(config, 10.0)


async def _measure(make: Callable[[], Transport]) -> None:
    client = Client(make())

    async def get() -> None:
        await client.get(Node, "n")

    async def post() -> None:
        await client.create(OOMKill, _KILL)

    await get()
    print(json.dumps({
        "ms of CPU: a GET": await _cpu_of(get, 1),
        "ms of CPU: a POST": await _cpu_of(post, 1),
        "ms of CPU: a POST, 8 at once": await _cpu_of(post, 8),
        "MiB of the process, with 8 connections": _memory(),
    }))  # fmt: skip
    await client.aclose()


async def _cpu_of(call: Callable[[], Awaitable[None]], at_once: int) -> float:
    """Return the CPU time of one call in milliseconds."""
    began = time.process_time()
    for _ in range(REQUESTS // at_once):
        await asyncio.gather(*(call() for _ in range(at_once)))
    return (time.process_time() - began) / REQUESTS * 1000


if __name__ == "__main__":
    role, where = sys.argv[1], Path(sys.argv[2])
    if role == "serve":
        asyncio.run(_serve(where))
    elif role == "pod":
        address = Address("127.0.0.1", int(sys.argv[3]))
        asyncio.run(_measure(lambda: in_pod(address, where, 10.0)))
    else:
        asyncio.run(_measure(lambda: _kubeconfig(where, int(sys.argv[3]))))
