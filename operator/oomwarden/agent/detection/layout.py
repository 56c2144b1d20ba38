"""Once a minute: whether pods' containers run where the agent does not look.

The steps, in order: which running containers, by the API server's word, have no cgroup that is
known -> those that were missing at the last look as well -> look for their cgroups elsewhere.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from functools import partial

from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.core.reporting.layout import UnknownCgroup, remedy, unseen
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.unknown_cgroups import find_unknown_cgroups

LOOK_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Layout:
    """`remedy` says what is wrong with the cgroups of pods; empty: nothing.

    `sees_nothing`: no container is seen, and some run.
    """

    inventory: Inventory
    cgroups: CgroupRoot
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "layout"))
    remedy: str = ""
    progress: float = 0.0
    _missing: dict[str, str] = field(default_factory=dict)

    @property
    def sees_nothing(self) -> bool:
        """Whether containers run and none of them is seen."""
        return bool(self.remedy) and not self.inventory.containers

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await self.look()
            self.progress = time.monotonic()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once; what cannot be looked at is as it was."""
        containers = self.inventory.containers.values()
        seen = frozenset(each.cgroup.pod_uid or "" for each in containers)
        before, self._missing = self._missing, unseen(list(self.inventory.pods.values()), seen)
        lasting = {key: name for key, name in self._missing.items() if key in before}
        try:
            found: list[UnknownCgroup] = await self.worker.run(
                "strays", partial(find_unknown_cgroups, self.cgroups)
            )
        except (StuckError, OSError) as error:
            _LOG.warning("the cgroups outside of kubepods cannot be looked at: %s", error)
            return
        told = remedy(lasting, found)
        if told and told != self.remedy:
            _LOG.warning("%s", told)
        self.remedy = told
