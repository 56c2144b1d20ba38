"""Churn and kills on a `ChurnedNode`: a storm that never rests, or 10,000 pods in an hour."""

import asyncio
import gc
import json
import math
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.support.churned_node import ChurnedNode
from tests.support.held_memory import held
from tests.support.played_node import PlayedApi, PlayedKernel
from tests.support.virtual_time import VirtualLoop

PLAYED = (PlayedApi, PlayedKernel, VirtualLoop, asyncio.Task, sqlite3.Connection)
"""Not the agent's own memory; SQLite keeps a list of up to 200 cursors."""
REST_SECONDS = 900.0
"""Longer than anything of a removed container is kept."""
LIVE = 20
"""Pods that run at the same time."""


@dataclass(frozen=True)
class Pace:
    """How fast pods come and go. Each has the size of one step."""

    pods: int = 2
    kills: int = 1
    unread: int = 1
    """Pods that are killed and removed before their counters are read, and logged."""
    seconds: float = 0.08


STORM = Pace()
"""25 pods a second, of which 12 are killed, one half of the kills unread. No pause is long enough
for all counters to rest."""
RECONCILE_SECONDS = 10.0
"""As the detector's."""


async def churn(node: ChurnedNode, pods: int, pace: Pace = STORM) -> None:
    """Start this many pods, kill some, and remove all but the last ones."""
    for step in range(pods // pace.pods):
        started = [node.start() for _ in range(pace.pods)]
        node.tell(reconciled=step % math.ceil(RECONCILE_SECONDS / pace.seconds) == 0)
        await asyncio.sleep(pace.seconds / 2)
        for pod in started[: pace.kills]:
            node.kill(pod)
        node.tell()
        for pod in started[: pace.unread]:
            node.kill(pod)
            node.end(pod)
        for pod in list(node.running.values())[:-LIVE]:
            node.end(pod)
        node.tell()
        await asyncio.sleep(pace.seconds / 2)


async def rest(node: ChurnedNode, seconds: float = REST_SECONDS) -> Counter[str]:
    """End all pods, let time pass, and return what the agent holds."""
    for pod in list(node.running.values()):
        node.end(pod)
    for _ in range(3):
        node.tell(reconciled=True)
        await asyncio.sleep(seconds / 3)
    gc.collect()
    return held(node.agent, without=PLAYED)


async def missing(node: ChurnedNode) -> dict[str, int]:
    """Return by how much the kills that are posted or stored differ from those counted, by pod."""
    found = Counter(node.api.kills)
    for kill in await node.agent.node.store.run(_waiting):
        if kill["metadata"]["name"] not in node.api.names:
            found[kill["pod"]["uid"]] += kill["evidence"]["to"] - kill["evidence"]["from"]
    truth = node.kernel.truth
    return {uid: truth[uid] - found[uid] for uid in truth | found if truth[uid] != found[uid]}


def _waiting(db: sqlite3.Connection) -> list[dict[str, Any]]:
    rows = db.execute("SELECT body FROM outbox UNION ALL SELECT body FROM held")
    return [json.loads(body)["kill"] for (body,) in rows]
