"""The policies that select one pod, from lists of any length, within an agent's bounds."""

from typing import Any

from msgspec import Struct, field

from oomwarden.core.model.pod import Labels, PodFacts
from oomwarden.core.policy.matching import selects
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, Policy, key_of
from oomwarden.core.policy.policy_cache import (
    NAMESPACE_BYTES,
    NamespacePolicies,
    cached_policy,
    unparsed_policy,
)


class Candidates(Struct):
    """Collects policies one by one. Invalid ones are skipped, because the agents report them.

    Attributes:
        pod: The pod.
        namespace_labels: Labels of its namespace.
        node_labels: Labels of its node.
    """

    pod: PodFacts
    namespace_labels: Labels
    node_labels: Labels
    _by_kind: dict[str, NamespacePolicies] = field(
        default_factory=lambda: {NAMESPACED: NamespacePolicies(), CLUSTER: NamespacePolicies()}
    )

    def add_namespaced(self, manifest: dict[str, Any]) -> None:
        """Add an OOMPolicy."""
        self._add(NAMESPACED, manifest)

    def add_cluster(self, manifest: dict[str, Any]) -> None:
        """Add a ClusterOOMPolicy."""
        self._add(CLUSTER, manifest)

    def selected(self) -> tuple[Policy, ...]:
        """Return the policies that select the pod."""
        cached = (
            one.content for policies in self._by_kind.values() for one in policies.entries.values()
        )
        return tuple(each for each in cached if isinstance(each, Policy))

    def _add(self, kind: str, manifest: dict[str, Any]) -> None:
        policies, key = self._by_kind[kind], key_of(kind, manifest)
        if policies.ranks_too_low(unparsed_policy(kind, key, manifest).rank):
            return
        one = cached_policy(kind, key, manifest)
        labels = (self.namespace_labels, self.node_labels)
        if isinstance(one.content, Policy) and selects(one.content, self.pod, *labels):
            policies.put(one, NAMESPACE_BYTES)
