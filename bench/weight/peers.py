"""Other programs that report OOM kills, beside the agents: built from checkouts, and then idle.

They read the kernel log of this machine, which nothing kills; so only memory and CPU time when
quiet are compared. The API server is the same synthetic one.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.weight import agent, phases
from bench.weight.agent import Agent, free_port
from bench.weight.loops import Figures
from bench.weight.synthetic import objects

SETTINGS_FRAME = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""An empty HTTP/2 SETTINGS frame (RFC 9113, 6.5): to a gRPC client, the server is ready."""
SETTLE_SECONDS, BUILD_SECONDS = 33.0, 900


@dataclass(frozen=True)
class Peer:
    """A program in Go.

    Attributes:
        package: What is built, in its repository.
        arguments: What it is started with; {tree}, {api} and {port} are filled in.
        environment: Its variables.
    """

    package: str = "."
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


PEERS = {
    "kubernetes-oomkill-exporter": Peer(
        arguments=("-logtostderr", "-listen-address", "127.0.0.1:{port}")
    ),
    "node-problem-detector": Peer(
        "./cmd/nodeproblemdetector",
        (
            "--logtostderr",
            "--config.system-log-monitor={tree}/config/kernel-monitor.json",
            "--apiserver-override=https://127.0.0.1:{api}?inClusterConfig=true",
            "--prometheus-port={port}",
            "--port=0",
        ),
        (("NODE_NAME", objects.NODE),),
    ),
    "kubernetes-oom-event-generator": Peer(),
}
"""By repository: github.com/sapcc, github.com/kubernetes and github.com/xing."""


@dataclass(frozen=True)
class Built:
    """A peer that can be started."""

    name: str
    peer: Peer
    tree: Path
    program: Path


def build_all(directory: Path, into: Path) -> list[Built]:
    """Build the peers whose checkouts are in a directory, as far as they have changed.

    Raises:
        RuntimeError: There is none, or one cannot be built; the message says why.
    """
    found = [name for name in PEERS if (directory / name / "go.mod").exists()]
    if not found:
        raise RuntimeError(f"{directory} has no checkout of {', '.join(PEERS)}")
    return [_build(name, directory / name, into) for name in found]


def _build(name: str, tree: Path, into: Path) -> Built:
    program = into / name
    command = ("go", "build", "-o", str(program.resolve()), PEERS[name].package)
    environment = os.environ | {"CGO_ENABLED": "0"}
    try:
        subprocess.run(
            command, cwd=tree, env=environment, check=True, capture_output=True, text=True,
            timeout=BUILD_SECONDS,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise RuntimeError(f"{name} needs Go: install it") from error
    except subprocess.CalledProcessError as error:
        why = " ".join(error.stderr.split())[-500:]
        raise RuntimeError(f"{name} cannot be built: {why}") from error
    return Built(name, PEERS[name], tree, program)


async def measure(built: Built, directory: Path) -> dict[str, Figures]:
    """Run a peer, and measure it while it is quiet.

    Raises:
        RuntimeError: It has ended.
    """
    async with _running(built, directory) as peer:
        await asyncio.sleep(SETTLE_SECONDS)
        if peer.process.returncode is not None:
            raise RuntimeError(f"{built.name} has ended: {agent.tail(peer)}")
        return {"quiet": await phases.quiet(peer)}


@asynccontextmanager
async def _running(built: Built, directory: Path) -> AsyncIterator[Agent]:
    node, api = agent.prepared(directory)
    sockets = directory / "run"
    containerd = await asyncio.start_unix_server(_answer, _socket(sockets))
    async with api.serving(directory / "api"), containerd:
        port = free_port()
        values = {"tree": built.tree.resolve(), "api": api.port, "port": port}
        arguments = [each.format(**values) for each in built.peer.arguments]
        environment = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(api.port),
            "PATH": os.environ["PATH"],
            **dict(built.peer.environment),
        }
        process = await agent.start(
            (str(built.program.resolve()), *arguments), directory, api, environment
        )
        try:
            yield Agent(process, node, api, directory, port)
        finally:
            await agent.end(process)


def _socket(sockets: Path) -> Path:
    """Return the place of containerd's socket, which is /run/containerd for the peer."""
    (sockets / "containerd").mkdir(parents=True)
    return sockets / "containerd" / "containerd.sock"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet as containerd does, and answer nothing: nothing is asked before the first kill."""
    writer.write(SETTINGS_FRAME)
    while await reader.read(65536):
        pass
    writer.close()
