"""What the agent watches, what it keeps of that, and which cache handles it."""

import time
from typing import NamedTuple

from oomwarden.agent.flows.node import Node
from oomwarden.agent.informers.pods import PodEventHandler
from oomwarden.agent.informers.policy_source import PolicySource
from oomwarden.agent.recording.misreports import MisreportNotifier
from oomwarden.core.model.mode import MODE_CONFIGMAP
from oomwarden.core.objects.needed_fields import namespace_labels, pod_fields
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED
from oomwarden.core.reporting.bounds import bounds_remedy
from oomwarden.kube.transport import reflector
from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.resources import (
    ClusterOOMPolicy,
    ConfigMap,
    Namespace,
    OOMLimit,
    OOMPolicy,
    Pod,
)
from oomwarden.kube.transport.transform import TransformingListerWatcher


class ResourceWatch(NamedTuple):
    """One resource that is followed."""

    name: str
    source: reflector.ListerWatcher
    options: ListOptions
    handler: reflector.EventHandler


class ApiWatches:
    """All of them; those of policies hold only what pods of this node may need."""

    def __init__(self, node: Node, misreports: MisreportNotifier) -> None:
        self._node, client, view = node, node.client, node.view
        self.policies = PolicySource(client, view.policies, NAMESPACED)
        self.cluster_policies = PolicySource(client, view.policies, CLUSTER)
        pods = ListOptions(Pod, fields=f"spec.nodeName={node.settings.node}")
        mode = ListOptions(
            ConfigMap, node.settings.namespace, fields=f"metadata.name={MODE_CONFIGMAP}"
        )
        limits = ListOptions(OOMLimit, fields=f"spec.node={node.settings.node}")
        handler = PodEventHandler(
            node.inventory,
            self._pods_appeared,
            self._pods_changed,
            misreports.pod_changed,
            node.unreadable,
        )
        namespaces = TransformingListerWatcher(client, namespace_labels)
        self.all = [
            ResourceWatch("pods", TransformingListerWatcher(client, pod_fields), pods, handler),
            ResourceWatch(
                "policies",
                self.policies,
                ListOptions(OOMPolicy),
                view.policies.event_handler(NAMESPACED),
            ),
            ResourceWatch(
                "cluster-policies",
                self.cluster_policies,
                ListOptions(ClusterOOMPolicy),
                view.policies.event_handler(CLUSTER),
            ),
            ResourceWatch("namespaces", namespaces, ListOptions(Namespace), view.namespaces),
            ResourceWatch("control", client, mode, view.mode),
            ResourceWatch("limits", client, limits, view.limits),
            ResourceWatch("pressure", client, node.pressure.list_options, node.pressure),
        ]

    def _pods_appeared(self) -> None:
        self._track_namespaces()
        self._node.signals.containers.set()

    def _pods_changed(self) -> None:
        self._track_namespaces()
        self._node.signals.containers_changed()

    def _track_namespaces(self) -> None:
        """Have the policies of these pods' namespaces held, before they are evaluated."""
        now = time.monotonic()
        pods = self._node.inventory.pods.values()
        self._node.view.policies.track_namespaces({pod.namespace for pod in pods}, now)

    def beyond_bounds(self) -> tuple[str, str]:
        """Return the remedy for what is not held, and the reason in one word."""
        late = self.policies.overdue() | self.cluster_policies.overdue()
        pods = self._node.inventory.pods.values()
        cut = [(f"{pod.namespace}/{pod.name}", pod.left_out) for pod in pods if pod.left_out]
        return bounds_remedy(self._node.view.policies.cached.by_namespace, late, cut)
