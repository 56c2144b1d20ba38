"""Once a minute, or as set: which services die before the containers that policies protect."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.core.enforcement.node_services import NodeServices, outranked, warning
from oomwarden.core.model.remark import Remark
from oomwarden.core.reporting.policy_report import ContainerStatus
from oomwarden.kernel.container.services import services
from oomwarden.kernel.roots import HostRoots

LOOK_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class NodeServicesMonitor:
    """Warns of the winner's score; `told` is called when there is another thing to warn of.

    `kubepods` gives the path of the root of all pods; `total` the node's RAM in bytes.
    """

    places: HostRoots
    kubepods: str
    total: int
    told: Callable[[], None]
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "services"))
    services: NodeServices = field(default_factory=NodeServices)
    progress: float = 0.0

    async def run(self, seconds: float = LOOK_SECONDS) -> None:
        """Look again and again after so many seconds."""
        while True:
            await self.look()
            self.progress = time.monotonic()
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Look once; what cannot be looked at is as it was."""
        work = partial(services, self.places, self.kubepods, self.total)
        try:
            found = await self.worker.run("services", work)
        except (StuckError, OSError) as error:
            _LOG.warning("the services of the node cannot be looked at: %s", error)
            return
        if _names(found) != _names(self.services):
            self.told()
        self.services = found

    def warn(self, item: ContainerStatus, score: int) -> tuple[Remark, ...]:
        """Give what is to be said of a container at a score."""
        daemons = outranked(self.services, score, item.given, item.limit)
        return (warning(score, daemons),) if daemons else ()


def _names(found: NodeServices) -> set[tuple[str, int]]:
    return {(each.service, each.score) for each in found.daemons}
