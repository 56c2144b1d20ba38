"""An agent as a process of its own, between a synthetic node and an API server."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.weight.api.server import ApiServer
from bench.weight.api.store import Store
from bench.weight.install import Installed
from bench.weight.synthetic import objects
from bench.weight.synthetic.manifests import manifest
from bench.weight.synthetic.node import Node
from bench.weight.synthetic.pods import Pod

_INSIDE = Path(__file__).resolve().parent / "inside"
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_IN_OWN_MOUNTS = (
    'mount --bind "$2" /run && '
    f'mkdir -p {_ACCOUNT} && mount --bind "$1" {_ACCOUNT} && shift 2 && exec "$@"'
)
"""In a mount namespace of its own: the ServiceAccount is where every pod has it, and nothing else
of the machine's /run is."""
START_SECONDS, END_SECONDS = 120.0, 10.0


@dataclass
class Agent:
    """A running agent.

    Attributes:
        process: The process.
        node: Its node.
        api: Its API server.
        directory: Where its files are.
        port: The TCP port of its metrics.
    """

    process: asyncio.subprocess.Process
    node: Node
    api: ApiServer
    directory: Path
    port: int

    @property
    def pid(self) -> int:
        """Its process ID."""
        return self.process.pid

    def publish(self, pod: Pod) -> None:
        """Put a pod's present state into the API."""
        self.api.store.put("pods", manifest(pod))


@asynccontextmanager
async def running(what: Installed, directory: Path, report: str = "") -> AsyncIterator[Agent]:
    """Run an agent until the block ends.

    Args:
        what: The agent.
        directory: An empty directory on a fast file system.
        report: Where the agent writes what it measures of itself; empty if it measures nothing.

    Raises:
        RuntimeError: It ended.
    """
    node, api = prepared(directory)
    async with api.serving(directory / "api"):
        port = free_port()
        command = (str(what.runtime.python), "-P", str(_INSIDE / "launcher.py"))
        variables = environment(what, directory, api.port, port) | {"WEIGHT_REPORT": report}
        process = await start(command, directory, api, variables)
        try:
            yield Agent(process, node, api, directory, port)
        finally:
            await end(process)


def prepared(directory: Path) -> tuple[Node, ApiServer]:
    """Make the directory with a node, and an API server that knows its pods."""
    directory.mkdir()
    for name in ("state", "api", "run"):
        (directory / name).mkdir()
    node, api = Node(directory), ApiServer(Store())
    fill(api.store, node)
    return node, api


def fill(store: Store, node: Node) -> None:
    """Put the objects into the API that an agent finds when it starts."""
    store.put("nodes", objects.node())
    for resource, found in (
        ("namespaces", objects.namespaces()),
        ("configmaps", objects.config_maps()),
        ("clusteroompolicies", objects.cluster_policies()),
        ("oompolicies", objects.policies()),
        ("pods", [manifest(pod) for pod in node.pods.values()]),
    ):
        for each in found:
            store.put(resource, each)


def _own_mounts() -> tuple[str, ...]:
    """Return the command that gives a program mounts of its own; without root, users too."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return (
        "unshare",
        *user,
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        _IN_OWN_MOUNTS,
        "sh",
    )


def environment(what: Installed, directory: Path, api_port: int, port: int) -> dict[str, str]:
    """Return the variables of the chart and of the image."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{what.code}:{_INSIDE}",
        "PYTHONPYCACHEPREFIX": str(what.runtime.byte_code),
        "PYTHONOPTIMIZE": "2",
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "1",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(api_port),
        "NODE_NAME": objects.NODE,
        "POD_NAMESPACE": objects.RELEASE,
        "POD_NAME": "oomwarden-agent-x",
        "POD_UID": "99999999-8888-7777-6666-555555555555",
        "OOMWARDEN_CGROUP_ROOT": str(directory / "cgroup"),
        "OOMWARDEN_PROC": str(directory / "proc"),
        "OOMWARDEN_STATE_DIR": str(directory / "state"),
        "OOMWARDEN_METRICS_PORT": str(port),
        "WEIGHT_KERNEL_LOG": str(directory / "kernel.log"),
    }


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def wait_until_enforced(agent: Agent) -> None:
    """Wait until the agent has reported that a policy holds on each container.

    Raises:
        RuntimeError: The agent has ended, or does not report it in time.
    """
    wanted, enforced = len(agent.node.places()), 0
    for _ in range(int(START_SECONDS * 10)):
        if agent.process.returncode is not None:
            raise RuntimeError(f"the agent has ended: {tail(agent)}")
        found = agent.api.store.get("oomnodes", "", objects.NODE) or {}
        policies = found.get("status", {}).get("policies") or []
        enforced = sum(int(each.get("enforced") or 0) for each in policies)
        if enforced >= wanted:
            return
        await asyncio.sleep(0.1)
    why = f"the agent enforces policies on {enforced} of {wanted} containers"
    raise RuntimeError(f"{why} after {START_SECONDS:.0f} s: {tail(agent)}")


def tail(agent: Agent) -> str:
    """Return the end of what the agent has logged."""
    return (agent.directory / "log").read_text(errors="replace")[-2000:].strip()


async def start(
    command: Sequence[str], directory: Path, api: ApiServer, variables: Mapping[str, str]
) -> asyncio.subprocess.Process:
    """Start a program in mounts of its own, with a ServiceAccount and an empty /run."""
    with (directory / "log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *(*_own_mounts(), str(api.account), str(directory / "run"), *command),
            env=variables,
            stdout=log,
            stderr=log,
        )


async def end(process: asyncio.subprocess.Process) -> None:
    """End a program, by force if it does not within some seconds."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
