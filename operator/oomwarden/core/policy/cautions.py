"""Warnings about a policy that follow from its own spec, before any node reports."""

from collections.abc import Iterator

from oomwarden.core.objects.json_parts import Json, object_at, objects_at
from oomwarden.core.policy.policy import CLUSTER

ANY_TENANT = "AnyTenant"
_ANY_TENANT = (
    "Anyone who may create pods in any namespace can set the labels or the priority class that "
    "this policy selects by, and gets protected at the cost of other pods; the floor for "
    "namespaced policies does not apply to it. Restrict it with namespaceSelector: only "
    "administrators set labels of namespaces."
)


def caution(kind: str, spec: Json) -> str:
    """Warn of a ClusterOOMPolicy that lowers scores for every tenant who sets a label.

    Args:
        kind: The policy's kind.
        spec: The policy's spec as JSON.

    Returns:
        Why, and what to do; empty if there is nothing to warn of.
    """
    if kind != CLUSTER or _selects(spec, "namespaceSelector"):
        return ""
    by_pod = _selects(spec, "podSelector") or bool(spec.get("priorityClassNames"))
    lowers = any(score < 0 for rule in objects_at(spec, "rules") for score in _scores(rule))
    return _ANY_TENANT if by_pod and lowers else ""


def _selects(spec: Json, selector: str) -> bool:
    found = object_at(spec, selector)
    return bool(found.get("matchLabels") or found.get("matchExpressions"))


def _scores(rule: Json) -> Iterator[int]:
    scores = [rule.get(name) for name in ("oomScoreAdj", "oomScoreOffset")]
    scores += [each.get("oomScoreAdj") for each in objects_at(rule, "processes")]
    yield from (score for score in scores if isinstance(score, int))
