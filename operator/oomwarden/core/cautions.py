"""What is to be said of a policy before any node reports: what its own words allow to others."""

from collections.abc import Iterable, Mapping
from typing import Any

from oomwarden.core.policies import CLUSTER

ANY_TENANT = "AnyTenant"
_ANY_TENANT = (
    "Whoever may create pods in any namespace can set the labels or the priority class that this "
    "policy selects by, and is then spared at the cost of others; the floor of policies of a "
    "namespace does not hold for it. Bound it by namespaceSelector: labels of namespaces are an "
    "administrator's to set."
)

Json = Mapping[str, Any]


def caution(kind: str, spec: Json) -> str:
    """Warn of a ClusterOOMPolicy that lowers scores for every tenant who sets a label.

    Args:
        kind: The policy's.
        spec: As the API server has it.

    Returns:
        Why, and what to do; empty: nothing is to be said.
    """
    if kind != CLUSTER or _selects(spec.get("namespaceSelector")):
        return ""
    chosen = _selects(spec.get("podSelector")) or bool(spec.get("priorityClassNames"))
    lowers = any(score < 0 for rule in spec.get("rules") or () for score in _scores(rule))
    return _ANY_TENANT if chosen and lowers else ""


def _selects(selector: Json | None) -> bool:
    found = selector or {}
    return bool(found.get("matchLabels") or found.get("matchExpressions"))


def _scores(rule: Json) -> Iterable[int]:
    yield from (rule[name] for name in ("oomScoreAdj", "oomScoreOffset") if name in rule)
    yield from (each["oomScoreAdj"] for each in rule.get("processes") or ())
