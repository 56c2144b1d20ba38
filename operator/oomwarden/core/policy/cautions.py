"""What is to be said of a policy before any node reports: what its own words allow to others."""

from collections.abc import Iterator, Mapping
from typing import Any

from oomwarden.core.objects.json_parts import object_at, objects_at
from oomwarden.core.policy.policy import CLUSTER

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
    if kind != CLUSTER or _selects(spec, "namespaceSelector"):
        return ""
    chosen = _selects(spec, "podSelector") or bool(spec.get("priorityClassNames"))
    lowers = any(score < 0 for rule in objects_at(spec, "rules") for score in _scores(rule))
    return _ANY_TENANT if chosen and lowers else ""


def _selects(spec: Json, selector: str) -> bool:
    found = object_at(spec, selector)
    return bool(found.get("matchLabels") or found.get("matchExpressions"))


def _scores(rule: Json) -> Iterator[int]:
    told = [rule.get(name) for name in ("oomScoreAdj", "oomScoreOffset")]
    told += [each.get("oomScoreAdj") for each in objects_at(rule, "processes")]
    yield from (score for score in told if isinstance(score, int))
