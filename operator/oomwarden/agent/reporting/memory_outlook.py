"""What OOMNode says of containers before a kill, with the names of their pods."""

from collections.abc import Iterator

from msgspec import Struct

from oomwarden.agent.detection.limit_hits import LimitHitMonitor
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.core.reporting.memory_outlook import (
    ContainerPlace,
    MemoryOutlook,
    NearMissFacts,
    PatternFacts,
    memory_outlook,
)


class MemoryOutlookReporter(Struct, frozen=True):
    """Reads what the monitors have found; a pod that is not known is left out.

    Attributes:
        inventory: The containers, with their verdicts.
        hits: The near misses.
    """

    inventory: Inventory
    hits: LimitHitMonitor

    def report(self) -> MemoryOutlook:
        """Return what fits into an OOMNode."""
        return memory_outlook(list(self._near_misses()), list(self._patterns()))

    def _near_misses(self) -> Iterator[NearMissFacts]:
        for misses, limited in self.hits.recent():
            pod = self.inventory.pod(limited.cgroup)
            if pod is not None:
                name = limited.container.name if limited.container else None
                place = ContainerPlace(pod.namespace, pod.name, name)
                yield NearMissFacts(place, misses, limited.limit, limited.stalls)

    def _patterns(self) -> Iterator[PatternFacts]:
        for each in self.inventory.containers.values():
            pod = self.inventory.pod(each.cgroup) if each.verdict else None
            if pod is not None and each.verdict is not None and each.memory is not None:
                place = ContainerPlace(pod.namespace, pod.name, each.name)
                yield PatternFacts(place, each.verdict, each.memory.usage, each.limit)
