"""What a preview of policies depends on: pods, nodes, namespaces and the policies that exist."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from msgspec import Struct, field, structs

from oomwarden.api.base import LabelSelector
from oomwarden.api.oomkill import ContainerType
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.model.pod import ContainerFacts, Labels, PodFacts
from oomwarden.core.policy.matching import selects, selects_by_node
from oomwarden.core.policy.policy import Policy, PolicyKey

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that the API server gives to every namespace."""
NO_FLOOR = Floor()
"""OOMPolicies may only raise scores."""
_ALWAYS = {ContainerType.APP, ContainerType.SIDECAR}


class PlannedNode(Struct, frozen=True):
    """What is known of a node.

    Attributes:
        labels: Its labels; None if they are not known.
        capacity: Its RAM in bytes; None if it is not known.
        has_agent: Whether an agent reports from it; None if it is not known.
        cgroup_writes: Whether its agent may write to cgroups; None if it is not known.
    """

    labels: Labels | None = None
    capacity: int | None = None
    has_agent: bool | None = None
    cgroup_writes: bool | None = None


class PlannedPod(Struct, frozen=True):
    """A pod, and the name of its node; empty if it has none yet."""

    facts: PodFacts
    node: str = ""

    @property
    def containers(self) -> tuple[ContainerFacts, ...]:
        """The containers that a policy applies to now, or once the pod has started."""
        return tuple(
            each
            for each in self.facts.containers
            if each.type in _ALWAYS or each.container_id is not None
        )


class ClusterState(Struct, frozen=True):
    """Pods, and what decides about them.

    Attributes:
        pods: The pods that are neither ended nor being deleted.
        policies: The policies that exist.
        namespaces: Labels by namespace.
        nodes: The nodes by name.
        other_nodes: What is assumed of nodes that are not known.
        floor: The floor for namespaced policies.
    """

    pods: tuple[PlannedPod, ...] = ()
    policies: tuple[Policy, ...] = ()
    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    nodes: Mapping[str, PlannedNode] = field(default_factory=dict)
    other_nodes: PlannedNode = PlannedNode()
    floor: Floor = NO_FLOOR

    def node_of(self, pod: PlannedPod) -> PlannedNode:
        """Return what is known of a pod's node."""
        return self.nodes.get(pod.node, self.other_nodes)

    def namespace_labels(self, namespace: str) -> Labels:
        """Return the labels of a namespace; at least the one that every namespace has."""
        return self.namespaces.get(namespace) or {NAMESPACE_NAME: namespace}

    def selects(self, policy: Policy, pod: PlannedPod) -> bool:
        """Return whether a policy selects a pod; the labels of an unknown node match."""
        labels = self.node_of(pod).labels
        if labels is None and selects_by_node(policy):
            spec = structs.replace(policy.spec, node_selector=LabelSelector())
            policy = replace(policy, spec=spec)
        namespace = self.namespace_labels(pod.facts.namespace)
        return selects(policy, pod.facts, namespace, labels or {})


class PolicyChange(Struct, frozen=True):
    """A policy that is applied, or deleted."""

    policy: Policy
    deleted: bool = False

    @property
    def key(self) -> PolicyKey:
        """The identity of the policy."""
        return self.policy.key


def changed(policies: Iterable[Policy], changes: Iterable[PolicyChange]) -> tuple[Policy, ...]:
    """Return the policies after the changes; of two with one name, the last one wins."""
    found = {each.key: each for each in policies}
    for change in changes:
        found.pop(change.key, None)
        if not change.deleted:
            found[change.key] = change.policy
    return tuple(found.values())
