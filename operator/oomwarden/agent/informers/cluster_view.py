"""The API server's view of this node: one cache per watched resource."""

from collections.abc import Callable

from msgspec import Struct

from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.informers.limits import LimitCache
from oomwarden.agent.informers.mode import ModeHandler
from oomwarden.agent.informers.namespaces import NamespaceCache
from oomwarden.agent.informers.node_labels import NodeLabels
from oomwarden.agent.informers.policies import PolicyCache


class ClusterView(Struct, frozen=True):
    """All caches; each calls the function that it was made with when its content changes.

    Attributes:
        inventory: This node's containers and pods.
        policies: OOMPolicies and ClusterOOMPolicies that may select a pod of this node.
        namespaces: Labels of all namespaces.
        node: Labels of this node.
        mode: The release's enforcement mode.
        limits: The memory limits that the operator set on this node.
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
        """Return a view with empty caches.

        Args:
            inventory: This node's containers and pods.
            changed: Called when containers have to be evaluated again.
            limits_changed: Called when the operator set or restored a limit.
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
        """Whether the caches can show that no policy selects a container.

        Before the pods are listed, their labels are unknown: the store does not keep labels.
        """
        return self.inventory.synced and self.policies.synced and self.namespaces.synced
