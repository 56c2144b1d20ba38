"""A resizer for one pod, which does not wait."""

import asyncio
from collections.abc import Iterable

from oomwarden.api.oomnode import Resize
from oomwarden.controller.limits.resizer import Resizer
from oomwarden.core.policy.policy import PolicyKey

from tests.support.cluster_of_one import OnePod

KEY = PolicyKey("OOMPolicy", "shop", "grow")
ONE_GI = {"memory": {"limit": "1Gi"}}


def request(limit: str = "1Gi") -> Resize:
    return Resize(
        namespace="shop", pod="db-0", uid="u", container="app", limit=limit,
        policy="OOMPolicy shop/grow",
    )  # fmt: skip


class World:
    """A resizer for one pod; its sleep only yields to other tasks."""

    def __init__(self, pod: OnePod) -> None:
        self.pod, self.changes = pod, list[PolicyKey]()
        self.resizer = Resizer(pod, self.note_changes, self.sleep)

    def note_changes(self, keys: Iterable[PolicyKey]) -> None:
        self.changes += list(keys)

    async def sleep(self, _: float) -> None:
        await asyncio.sleep(0)

    async def work(self, node: str = "node-1", *requests: Resize) -> None:
        """Run the loop until it has processed what is due."""
        self.resizer.update_requests(node, requests or (request(),))
        task = asyncio.create_task(self.resizer.run())
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
