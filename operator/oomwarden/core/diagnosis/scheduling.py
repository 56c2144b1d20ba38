"""Why no agent runs on a node: taints, the chart's nodeSelector and affinity."""

from oomwarden.core.history.kill_record import text_at
from oomwarden.core.objects.json_parts import Json, object_at, object_labels, objects_at

_NOT_WATCHED = "its kills are not recorded and no policy applies to it; if that is not intended"
_EFFECTS = {"NoSchedule", "NoExecute"}
_TOLERATED_BY_ALL = {
    f"node.kubernetes.io/{name}"
    for name in (
        "not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure",
        "unschedulable",
    )
}  # fmt: skip
"""Of the pods of DaemonSets (kubernetes pkg/controller/daemon/util/daemonset_util.go, v1.37)."""


def why_excluded(node: Json, daemon_set: Json) -> tuple[str, str] | None:
    """Return why a DaemonSet has no pod on a node, and the remedy; None if it should have one."""
    pod = object_at(object_at(object_at(daemon_set, "spec"), "template"), "spec")
    wanted, labels = (
        object_at(pod, "nodeSelector"),
        object_labels(node),
    )
    differing = [f"{key}={value}" for key, value in wanted.items() if labels.get(key) != value]
    if differing:
        return (
            f"agent.nodeSelector of the chart excludes it ({', '.join(differing)})",
            f"{_NOT_WATCHED}, label the node or change agent.nodeSelector",
        )
    taints = [each for each in _taints(node) if not _is_tolerated(each, pod)]
    if taints:
        return _untolerated(taints[0])
    if object_at(object_at(pod, "affinity"), "nodeAffinity"):
        return (
            "agent.affinity of the chart probably excludes it",
            f"{_NOT_WATCHED}, change agent.affinity",
        )
    return None


def _taints(node: Json) -> list[Json]:
    found = objects_at(object_at(node, "spec"), "taints")
    return [
        each
        for each in found
        if text_at(each, "effect") in _EFFECTS and text_at(each, "key") not in _TOLERATED_BY_ALL
    ]


def _is_tolerated(taint: Json, pod: Json) -> bool:
    return any(_tolerates(each, taint) for each in objects_at(pod, "tolerations"))


def _tolerates(toleration: Json, taint: Json) -> bool:
    """Return whether a toleration matches (kubernetes core/v1 Toleration.ToleratesTaint)."""
    effect, key = toleration.get("effect"), toleration.get("key")
    if effect and effect != taint.get("effect"):
        return False
    if key and key != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(key and (toleration.get("value") or "") == (taint.get("value") or ""))


def _untolerated(taint: Json) -> tuple[str, str]:
    key, value = text_at(taint, "key") or "", text_at(taint, "value")
    effect = text_at(taint, "effect")
    shown = f"{key}={value}:{effect}" if value else f"{key}:{effect}"
    return (
        f"the agents do not tolerate its taint {shown}",
        f"add {{key: {key}, operator: Exists, effect: {effect}}} to agent.tolerations of the chart",
    )
