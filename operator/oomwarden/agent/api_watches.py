"""What an agent follows at the API server, and who takes it."""

from oomwarden.agent.contradictions import Contradictions
from oomwarden.agent.enforce import Enforcer
from oomwarden.agent.pod_sink import PodSink
from oomwarden.agent.pressure_watch import PressureWatch
from oomwarden.agent.settings import Settings
from oomwarden.core.policies import CLUSTER, NAMESPACED
from oomwarden.kube.client import Selection
from oomwarden.kube.resources import (
    ClusterOOMPolicy,
    ConfigMap,
    Namespace,
    OOMLimit,
    OOMPolicy,
    Pod,
)
from oomwarden.kube.watch import Sink


def watches(
    settings: Settings, enforcer: Enforcer, wrong: Contradictions, pressure: PressureWatch
) -> list[tuple[str, Selection, Sink]]:
    """Name what is watched, and who takes it."""
    pods = Selection(Pod, fields=f"spec.nodeName={settings.node}")
    control = Selection(ConfigMap, settings.namespace, fields="metadata.name=oomwarden-control")
    limits = Selection(OOMLimit, fields=f"spec.node={settings.node}")
    return [
        ("pods", pods, PodSink(enforcer.inventory, enforcer.news.set, wrong.pod_changed)),
        ("policies", Selection(OOMPolicy), enforcer.policies(NAMESPACED)),
        ("cluster-policies", Selection(ClusterOOMPolicy), enforcer.policies(CLUSTER)),
        ("namespaces", Selection(Namespace), enforcer.namespaces),
        ("control", control, enforcer.control),
        ("limits", limits, enforcer.limits.book),
        ("pressure", pressure.selection, pressure),
    ]
