"""What the API server has said of this node: one cache for each resource that is watched."""

from collections.abc import Callable
from dataclasses import dataclass

from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.informers.limits import LimitCache
from oomwarden.agent.informers.mode import ModeHandler
from oomwarden.agent.informers.namespaces import NamespaceCache
from oomwarden.agent.informers.node_labels import NodeLabels
from oomwarden.agent.informers.policies import PolicyCache


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The caches; each calls what it was made with when its content differs.

    Attributes:
        inventory: This node's containers and pods.
        policies: OOMPolicies and ClusterOOMPolicies that may select a pod of this node.
        namespaces: Labels of all namespaces.
        node: Labels of this node.
        mode: The one switch of the release.
        limits: The memory limits that the operator has set here.
    """

    inventory: Inventory
    policies: PolicyCache
    namespaces: NamespaceCache
    node: NodeLabels
    mode: ModeHandler
    limits: LimitCache

    @classmethod
    def of(
        cls,
        inventory: Inventory,
        changed: Callable[[], None],
        limits_changed: Callable[[], None],
    ) -> "ClusterView":
        """Make empty caches.

        Args:
            inventory: This node's containers and pods.
            changed: Called when containers have to be evaluated again.
            limits_changed: Called when a limit was set or put back by the operator.
        """
        return cls(
            inventory,
            PolicyCache(changed),
            NamespaceCache(changed),
            NodeLabels(changed),
            ModeHandler(changed),
            LimitCache(limits_changed),
        )

    @property
    def synced(self) -> bool:
        """Whether enough is known to say that no policy selects a container.

        Before the API server has listed the pods their labels are not known: the store keeps none.
        """
        return self.inventory.synced and self.policies.synced and self.namespaces.synced
