"""Print the memory of an agent that watches a bench.hostile_api server, in MiB.

Runs as a separate process. The whole agent is imported; what reads the kernel does not run.
"""

import asyncio
import gc
import json
import sys
from pathlib import Path

import oomwarden.agent.run  # noqa: F401 - all of the agent is loaded
from oomwarden.agent.flows.node import Node
from oomwarden.agent.flows.watches import ApiWatches
from oomwarden.agent.recording.misreports import MisreportNotifier
from oomwarden.agent.runtime.settings import from_environment
from oomwarden.agent.store.database import Database
from oomwarden.kube.http.exchange import Address
from oomwarden.kube.http.pod_transport import PodTransport
from oomwarden.kube.transport import reflector
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import WriteResult


def mebibytes(field: str) -> float:
    """Return a line of /proc/self/status in MiB: VmRSS is the current size, VmHWM the peak."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def client_of(port: int) -> Client:
    """Connect to the server."""
    return Client(PodTransport(Address("127.0.0.1", port), None, None, 60.0))


async def main(port: int) -> None:
    """Watch everything that the agent watches until all lists are complete."""
    client = client_of(port)
    settings = from_environment({"NODE_NAME": "n", "POD_NAMESPACE": "oomwarden"})
    node = Node(settings, Database(Path("/nonexistent/oomwarden.sqlite"), lambda _: None), client)
    watches = ApiWatches(node, MisreportNotifier(_post))
    before, listed = mebibytes("VmRSS"), [asyncio.Event() for _ in watches.all]
    tasks = [
        asyncio.create_task(reflector.list_and_watch(source, what, sink, event.set))
        for (_, source, what, sink), event in zip(watches.all, listed, strict=True)
    ]
    tasks += [
        asyncio.create_task(each.run()) for each in (watches.policies, watches.cluster_policies)
    ]
    for event in listed:  # set by the first answer, the list
        await event.wait()
    gc.collect()
    held = sum(len(each.entries) for each in node.view.policies.cached.by_namespace.values())
    condition, _ = watches.beyond_bounds()
    print(json.dumps({
        "before": before, "held": mebibytes("VmRSS"), "peak": mebibytes("VmHWM"),
        "pods": len(node.inventory.pods), "policies": held, "condition": condition,
    }))  # fmt: skip
    for task in tasks:
        task.cancel()


async def _post(event: dict[str, object]) -> WriteResult:
    raise AssertionError(f"no Event should be posted: {event}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
