"""Print the memory of an operator that watches a bench.hostile_api server, in MiB.

Runs as a separate process. kopf does not run.
"""

import asyncio
import gc
import json
import sys
from datetime import UTC, datetime
from typing import Any

from oomwarden.controller.limits.oom_responder import OOMResponder
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import OOMPolicyCache, policy_state
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.kube.operator_calls import OOMNodeListerWatcher
from oomwarden.kube.transport import reflector
from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.resources import OOMNode, OOMPolicy
from oomwarden.kube.transport.transform import TransformingListerWatcher

from bench.hostile_agent import client_of, mebibytes

KILLS = 18_000


async def main(port: int) -> None:
    """Load all OOMNodes and OOMPolicies, and as many recent OOMKills as one fork loop creates."""
    client, unreadable = client_of(port), UnreadableObjects()
    reports = NodeReports(_ignore, _ignore, unreadable)
    policies = OOMPolicyCache(_ignore)
    before = mebibytes("VmRSS")
    nodes = OOMNodeListerWatcher(client)
    own = TransformingListerWatcher(client, list_transform=policy_state)
    sinks: tuple[tuple[Any, Any, Any], ...] = (
        (nodes, OOMNode, reports), (own, OOMPolicy, policies),
    )  # fmt: skip
    listed = [asyncio.Event() for _ in sinks]
    tasks = [
        asyncio.create_task(reflector.list_and_watch(source, ListOptions(kind), sink, event.set))
        for (source, kind, sink), event in zip(sinks, listed, strict=True)
    ]
    for event in listed:  # set by the first answer, the list
        await event.wait()
    gc.collect()
    after_nodes = mebibytes("VmRSS")
    responder = OOMResponder(None, None, "x", unreadable)  # type: ignore[arg-type]
    for number in range(KILLS):
        responder.enqueue(json.loads(kill(number)))
    gc.collect()
    print(json.dumps({
        "before": before, "held": after_nodes, "with kills": mebibytes("VmRSS"),
        "peak": mebibytes("VmHWM"), "nodes": len(reports), "policies": len(policies.policies),
        "kills waiting": len(responder.queue),
    }))  # fmt: skip
    for task in tasks:
        task.cancel()


def kill(number: int) -> str:
    """Return a recent OOMKill of the usual size, as the API server returns it."""
    now = datetime.now(UTC).isoformat()
    sample = [{"at": now, "usage": f"{400_000 + each}Ki"} for each in range(30)]
    fields: dict[str, Any] = {f"f:x{each}": {} for each in range(25)}
    return json.dumps({
        "metadata": {
            "name": f"api-7d9f-{number}", "namespace": f"team-{number % 200}",
            "creationTimestamp": now,
            "managedFields": [{"manager": "python", "fieldsV1": fields}],
        },
        "node": f"n{number}", "pod": {"name": "api", "uid": f"p{number}"},
        "container": {"name": "app", "type": "App"}, "cause": "ContainerLimit", "limit": "512Mi",
        "kills": 1, "victims": [{"pid": 1, "command": "python3"}],
        "memory": {"at": now, "usage": "500Mi", "samples": sample}, "time": {"before": now},
        "evidence": {"bootID": "b", "cgroup": number, "level": "Pod", "from": 0, "to": 1},
    })  # fmt: skip


def _ignore(*_: object) -> None:
    """Ignore what a running operator would pass on."""


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
