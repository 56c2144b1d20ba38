"""OOMKills as the API server returns them, and a responder that does not wait."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from oomwarden.controller.limits.oom_responder import OOMResponder
from oomwarden.core.metrics.operator_counts import OperatorCounts
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support.cluster_of_one import OnePod

NOW = datetime(2026, 11, 26, 20, 0, 0, tzinfo=UTC)
RAISE = {"onOOM": {"raiseLimit": {"upTo": "2Gi"}}}


def kill(
    age: float = 5,
    name: str = "db-0-1a2b",
    namespace: str = "shop",
    created: float | None = None,
    **changes: object,
) -> dict[str, Any]:
    stamp = NOW - timedelta(seconds=age if created is None else created)
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": stamp.isoformat(),
        },
        "node": "node-1",
        "pod": {"name": "db-0", "uid": "u", "owner": {"kind": "Deployment", "name": "db"}},
        "container": {"name": "app", "type": "App"},
        "cause": "ContainerLimit",
        "limit": "512Mi",
        "kills": 1,
        "time": {"before": (NOW - timedelta(seconds=age)).isoformat()},
        "evidence": {"bootID": "b", "cgroup": 1, "level": "Pod", "from": 0, "to": 1},
        **changes,
    }


class Kills:
    """Passes on its kills; records what was written and posted."""

    def __init__(self, *kills: dict[str, Any]) -> None:
        self.kills = kills
        self.failures: list[Exception] = []
        self.written: list[tuple[str, dict[str, Any]]] = []
        self.posted: list[dict[str, Any]] = []
        self.posts: list[WriteResult] = []
        self.available = "4Gi"
        self.heartbeats = [NOW]
        self.written_at: datetime | None = NOW

    async def watch(self, handle: Callable[[dict[str, Any]], None]) -> None:
        for each in self.kills:
            handle(each)
        await asyncio.Event().wait()

    async def write_response(self, namespace: str, name: str, response: dict[str, Any]) -> bool:
        if self.failures:
            raise self.failures.pop(0)
        self.written.append((f"{namespace}/{name}", response))
        return True

    async def post(self, event: dict[str, Any]) -> WriteResult:
        self.posted.append(event)
        return self.posts.pop() if self.posts else WriteResult(WriteOutcome.DONE, "")

    async def node_status(self, _: str) -> dict[str, Any]:
        stamp = self.heartbeats[0].isoformat()
        if len(self.heartbeats) > 1:
            self.heartbeats.pop(0)
        agent = {"version": "1", "storeID": "s", "started": stamp, "heartbeat": stamp}
        kernel = {"release": "6.1", "bootID": "b", "cgroupDriver": "systemd"}
        status = {"agent": agent, "kernel": kernel, "memory": {"available": self.available}}
        at = self.written_at.isoformat() if self.written_at else stamp
        entry = {"subresource": "status", "time": at}
        return {"metadata": {"managedFields": [entry]}, "status": status}


async def run_responder(kills: Kills, pod: OnePod, counts: OperatorCounts | None = None) -> None:
    async def no_sleep(_: float) -> None:
        await asyncio.sleep(0)

    responder = OOMResponder(
        kills, pod, "operator-1", UnreadableObjects(), lambda: NOW, no_sleep,
        counts or OperatorCounts(time.monotonic),
    )  # fmt: skip
    task = asyncio.create_task(responder.run())
    for _ in range(30):
        await asyncio.sleep(0)
    task.cancel()
