"""Checks once a minute whether containers of pods run in cgroups that the agent does not watch.

The steps, in order: find the containers that run according to the API server and have no known
cgroup -> keep those that were missing at the last check, too -> search for their cgroups elsewhere.
"""

import asyncio
import logging
import time
from functools import partial

from msgspec import Struct, field

from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.core.reporting.layout import UnknownCgroup, containers_without_cgroup, layout_remedy
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.unknown_cgroups import find_unknown_cgroups

CHECK_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


class LayoutMonitor(Struct):
    """Compares the cgroups of pods with where the agent expects them."""

    inventory: Inventory
    cgroups: CgroupRoot
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "layout"))
    remedy: str = ""
    """What is wrong with the cgroups of pods and what to do; empty if nothing is."""
    progress: float = 0.0
    _missing: dict[str, str] = field(default_factory=dict)

    @property
    def sees_nothing(self) -> bool:
        """Whether containers run and the agent sees none of them."""
        return bool(self.remedy) and not self.inventory.containers

    async def run(self) -> None:
        """Check once a minute until cancelled."""
        while True:
            await self.check()
            self.progress = time.monotonic()
            await asyncio.sleep(CHECK_SECONDS)

    async def check(self) -> None:
        """Check once; keep the last result if the cgroups cannot be listed."""
        containers = self.inventory.containers.values()
        seen = frozenset(each.cgroup.pod_uid or "" for each in containers)
        before = self._missing
        self._missing = containers_without_cgroup(list(self.inventory.pods.values()), seen)
        lasting = {key: name for key, name in self._missing.items() if key in before}
        try:
            found: list[UnknownCgroup] = await self.worker.run(
                "strays", partial(find_unknown_cgroups, self.cgroups)
            )
        except (StuckError, OSError) as error:
            _LOG.warning(
                "cannot list the cgroups outside of kubepods: %s",
                error,
                extra=about(reason=UNREADABLE, error=str(error)),
            )
            return
        current = layout_remedy(lasting, found)
        if current and current != self.remedy:
            _LOG.warning("%s", current, extra=about(reason="UnknownLayout"))
        self.remedy = current
