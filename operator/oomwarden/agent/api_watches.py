"""What the agent watches, what it keeps of that, and who takes it."""

import asyncio
from typing import NamedTuple

from oomwarden.agent.enforcement.reconciler import ScoreReconciler
from oomwarden.agent.informers.pods import PodEventHandler
from oomwarden.agent.informers.policy_source import PolicySource
from oomwarden.agent.informers.pressure import PressureWatch
from oomwarden.agent.recording.misreports import MisreportNotifier
from oomwarden.agent.runtime.settings import Settings
from oomwarden.core.objects.needed_fields import namespace_labels, pod_fields
from oomwarden.core.objects.passed_over import UnreadableObjects
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED
from oomwarden.core.reporting.bounds import beyond
from oomwarden.kube.transport import reflector as watch
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.kept import Kept
from oomwarden.kube.transport.resources import (
    ClusterOOMPolicy,
    ConfigMap,
    Namespace,
    OOMLimit,
    OOMPolicy,
    Pod,
)


class Watch(NamedTuple):
    """One resource that is followed."""

    name: str
    source: watch.ListerWatcher
    what: ListOptions
    sink: watch.EventHandler


class ApiWatches:
    """All of them; those of policies hold only what pods of this node may need."""

    def __init__(
        self,
        settings: Settings,
        client: Client,
        enforcer: ScoreReconciler,
        wrong: MisreportNotifier,
        pressure: PressureWatch,
    ) -> None:
        self.passed_over = UnreadableObjects()
        self._enforcer, inventory = enforcer, enforcer.inventory
        self.own = PolicySource(client, enforcer.book, NAMESPACED)
        self.everywhere = PolicySource(client, enforcer.book, CLUSTER)
        pods = ListOptions(Pod, fields=f"spec.nodeName={settings.node}")
        control = ListOptions(
            ConfigMap, settings.namespace, fields="metadata.name=oomwarden-control"
        )
        limits = ListOptions(OOMLimit, fields=f"spec.node={settings.node}")
        sink = PodEventHandler(inventory, self._pods_changed, wrong.pod_changed, self.passed_over)
        labels = namespace_labels
        self.all = [
            Watch("pods", Kept(client, pod_fields), pods, sink),
            Watch("policies", self.own, ListOptions(OOMPolicy), enforcer.policies(NAMESPACED)),
            Watch(
                "cluster-policies",
                self.everywhere,
                ListOptions(ClusterOOMPolicy),
                enforcer.policies(CLUSTER),
            ),
            Watch("namespaces", Kept(client, labels), ListOptions(Namespace), enforcer.namespaces),
            Watch("control", client, control, enforcer.control),
            Watch("limits", client, limits, enforcer.limits.book),
            Watch("pressure", client, pressure.selection, pressure),
        ]

    def _pods_changed(self) -> None:
        """Have the policies of these pods' namespaces held, before they are decided on."""
        now = asyncio.get_running_loop().time()
        self._enforcer.book.want(
            {pod.namespace for pod in self._enforcer.inventory.pods.values()}, now
        )
        self._enforcer.news.set()

    def beyond_bounds(self) -> tuple[str, str]:
        """Give the remedy for what is not held, and the reason."""
        late = self.own.late() | self.everywhere.late()
        pods = self._enforcer.inventory.pods.values()
        cut = [(f"{pod.namespace}/{pod.name}", pod.cut) for pod in pods if pod.cut]
        return beyond(self._enforcer.book.shelves.by_namespace, late, cut)
