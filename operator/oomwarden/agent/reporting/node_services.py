"""Which services of the node die before the containers that policies protect."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from msgspec import Struct, field

from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.core.enforcement.node_services import (
    NodeService,
    NodeServices,
    outranked_services,
)
from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.core.reporting.policy_report import ContainerStatus
from oomwarden.kernel.container.services import read_node_services
from oomwarden.kernel.roots import HostRoots

CHECK_SECONDS = 10.0
"""Time between two checks whether a policy lowers a score."""
_LOG = logging.getLogger(__name__)


class NodeServicesMonitor(Struct):
    """Warns where a policy's score lets services of the node die before a container.

    Attributes:
        roots: The cgroup and proc file systems.
        total: The node's RAM in bytes.
        status_changed: Called when other services are to be warned of.
        is_needed: Returns whether a policy lowers a score, so that services may die before a pod.
        services: The services as they were read last.
        progress: Time of the last read (`time.monotonic`).
    """

    roots: HostRoots
    total: int
    status_changed: Callable[[], None]
    is_needed: Callable[[], bool]
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "services"))
    services: NodeServices = field(default_factory=NodeServices)
    progress: float = 0.0

    async def run(self, kubepods: str, seconds: float) -> None:
        """Read the services again and again until cancelled, where a policy lowers a score.

        Args:
            kubepods: The path of the cgroup that holds all pods.
            seconds: The time between two reads.
        """
        while True:
            needed = self.is_needed()
            if needed:
                await self.read(kubepods)
            self.progress = time.monotonic()
            await asyncio.sleep(seconds if needed else min(seconds, CHECK_SECONDS))

    async def read(self, kubepods: str) -> None:
        """Read the services once; what cannot be read stays as it was."""
        work = partial(read_node_services, self.roots, kubepods, self.total)
        try:
            found = await self.worker.run("services", work)
        except (StuckError, OSError) as error:
            _LOG.warning(
                "the services of the node cannot be read: %s",
                error,
                extra=about(reason=UNREADABLE, error=str(error)),
            )
            return
        if _names(found) != _names(self.services):
            self.status_changed()
        self.services = found

    def outranked_by(self, item: ContainerStatus, score: int) -> tuple[NodeService, ...]:
        """Return the services that are killed before a container at a score."""
        return outranked_services(self.services, score, item.kubelet_score, item.limit)


def _names(found: NodeServices) -> set[tuple[str, int]]:
    return {(each.service, each.score) for each in found.services}
