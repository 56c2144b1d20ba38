"""What a valid policy probably does not mean: warnings that need no cluster."""

from collections.abc import Iterator

from oomwarden.api.policy import QOSClass
from oomwarden.core.enforcement.group_kill import INEFFECTIVE
from oomwarden.core.model.quantity import QuantityError, parse_bytes
from oomwarden.core.model.remark import Remark
from oomwarden.core.objects.json_parts import Json, object_at, objects_at
from oomwarden.core.policy.cautions import ANY_TENANT, caution
from oomwarden.core.policy.policy import CLUSTER

_SELECTORS = ("podSelector", "namespaceSelector", "nodeSelector")


def policy_warnings(kind: str, metadata: Json, spec: Json) -> Iterator[tuple[str, Remark]]:
    """Yield the field and the warning of what deserves a second look.

    Args:
        kind: The policy's kind.
        metadata: Its metadata.
        spec: Its spec, valid and with its defaults.
    """
    if why := caution(kind, spec):
        yield "spec.podSelector", Remark(ANY_TENANT, why)
    if kind == CLUSTER and metadata.get("namespace"):
        what = "A ClusterOOMPolicy has no namespace, and metadata.namespace is ignored: remove it."
        yield "metadata.namespace", Remark("NamespaceIgnored", what)
    yield from _selection(kind, spec)
    rules = objects_at(spec, "rules")
    yield from _shadowed_rules(rules)
    for index, rule in enumerate(rules):
        yield from _of_rule(rule, spec, f"spec.rules[{index}]")


def _selection(kind: str, spec: Json) -> Iterator[tuple[str, Remark]]:
    """Warn of a policy for the whole cluster; for a whole namespace, `{}` is clear enough."""
    narrowed = any(_is_narrow(object_at(spec, each)) for each in _SELECTORS)
    if kind != CLUSTER or narrowed or spec.get("priorityClassNames") or spec.get("qosClasses"):
        return
    what = (
        "The policy selects every pod of the cluster, those of kube-system too: if that is not "
        "meant, set podSelector or namespaceSelector."
    )
    yield "spec.podSelector", Remark("SelectsEverything", what)


def _is_narrow(selector: Json) -> bool:
    return bool(selector.get("matchLabels") or selector.get("matchExpressions"))


def _shadowed_rules(rules: list[Json]) -> Iterator[tuple[str, Remark]]:
    """Yield the rules that never decide, because an earlier one matches every container."""
    first = next((at for at, each in enumerate(rules) if "*" in each.get("containers", ())), None)
    for index in range(len(rules) if first is None else first + 1, len(rules)):
        what = (
            f"The rule never applies: spec.rules[{first}] comes first and matches every container. "
            "Move it behind this one."
        )
        yield f"spec.rules[{index}]", Remark("NeverApplies", what)


def _of_rule(rule: Json, spec: Json, path: str) -> Iterator[tuple[str, Remark]]:
    memory, raising = object_at(rule, "memory"), object_at(object_at(rule, "onOOM"), "raiseLimit")
    processes = objects_at(rule, "processes")
    if processes and memory.get("groupKill") is not False:
        yield f"{path}.processes", INEFFECTIVE
    every = next((at for at, each in enumerate(processes) if each.get("command") == "*"), None)
    for index in range(len(processes) if every is None else every + 1, len(processes)):
        what = f"The rule never applies: {path}.processes[{every}] matches every process."
        yield f"{path}.processes[{index}]", Remark("NeverApplies", what)
    if (limit := memory.get("limit")) is not None and _reaches(limit, raising.get("upTo")):
        what = (
            "memory.limit is at or above upTo, so the limit is never raised: choose a higher upTo."
        )
        yield f"{path}.onOOM.raiseLimit.upTo", Remark("NeverRaised", what)
    if limit is not None and spec.get("qosClasses") == [QOSClass.BEST_EFFORT]:
        what = (
            "A limit would change the QoS class of a BestEffort pod, which Kubernetes does not "
            "allow: no container gets it."
        )
        yield f"{path}.memory.limit", Remark("QOSChange", what)


def _reaches(limit: object, most: object) -> bool:
    try:
        return most is not None and parse_bytes(str(limit)) >= parse_bytes(str(most))
    except QuantityError:
        return False
