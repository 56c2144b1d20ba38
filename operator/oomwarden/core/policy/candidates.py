"""The policies that select one pod, out of lists of any length, within an agent's bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oomwarden.core.model.pod import PodFacts
from oomwarden.core.policy.matching import selects
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, Policy, key_of
from oomwarden.core.policy.policy_cache import NAMESPACE_BYTES, Shelf, entry, unread

Labels = Mapping[str, str]


@dataclass(slots=True)
class Candidates:
    """Takes policies one by one; the agents tell of one that cannot be read, and it is none."""

    pod: PodFacts
    namespace_labels: Labels
    node_labels: Labels
    _shelves: dict[str, Shelf] = field(
        default_factory=lambda: {NAMESPACED: Shelf(), CLUSTER: Shelf()}
    )

    def own(self, manifest: dict[str, Any]) -> None:
        """Take an OOMPolicy."""
        self._take(NAMESPACED, manifest)

    def everywhere(self, manifest: dict[str, Any]) -> None:
        """Take a ClusterOOMPolicy."""
        self._take(CLUSTER, manifest)

    def policies(self) -> tuple[Policy, ...]:
        """Give those that select the pod."""
        held = (one.content for shelf in self._shelves.values() for one in shelf.entries.values())
        return tuple(each for each in held if isinstance(each, Policy))

    def _take(self, kind: str, manifest: dict[str, Any]) -> None:
        shelf, key = self._shelves[kind], key_of(kind, manifest)
        if shelf.is_beyond(unread(kind, key, manifest).rank):
            return
        one = entry(kind, key, manifest)
        labels = (self.namespace_labels, self.node_labels)
        if isinstance(one.content, Policy) and selects(one.content, self.pod, *labels):
            shelf.put(one, NAMESPACE_BYTES)
