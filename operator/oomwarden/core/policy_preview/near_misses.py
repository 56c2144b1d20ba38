"""Why a policy selects no pod, or matches no container: what the closest pod lacks."""

from collections.abc import Iterable, Iterator, Sequence

from oomwarden.api.base import LabelSelector
from oomwarden.api.policy import ClusterOOMPolicySpec
from oomwarden.core.model.pod import Labels
from oomwarden.core.policy.matching import match, selects_labels
from oomwarden.core.policy.policy import Policy
from oomwarden.core.policy_preview.cluster_state import ClusterState, PlannedPod

MAX_COMPARED = 2_000
"""Pods that are compared; one of thousands is as good an example."""
MAX_NAMED = 5


def why_nothing(state: ClusterState, policy: Policy, selected: Sequence[PlannedPod]) -> str:
    """Return why a policy has no effect at all; empty if it has one.

    Args:
        state: The cluster.
        policy: The policy.
        selected: The pods that it selects.
    """
    if selected:
        return _without_match(policy, selected)
    where = f"namespace {policy.namespace}" if policy.namespace else "the cluster"
    pods = [each for each in state.pods if policy.namespace in {None, each.facts.namespace}]
    if not pods:
        return f"there are no running pods in {where}"
    misses = [(each, list(_misses(state, policy, each))) for each in pods[:MAX_COMPARED]]
    pod, lacks = min(misses, key=lambda each: len(each[1]))
    name = f"{pod.facts.namespace}/{pod.facts.name}"
    return f"it selects none of {_count(len(pods))} in {where}; closest is {name}: {_and(lacks)}"


def _without_match(policy: Policy, selected: Sequence[PlannedPod]) -> str:
    names = {one.name for each in selected for one in each.containers}
    if any(match(policy, name) for name in names):
        return ""
    shown = sorted(names)[:MAX_NAMED]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"no rule matches a container of its pods: {', '.join(shown)}{more}"


def _misses(state: ClusterState, policy: Policy, pod: PlannedPod) -> Iterator[str]:
    """Yield what keeps a policy from selecting a pod."""
    spec, facts = policy.spec, pod.facts
    yield from _label_misses(spec.pod_selector, facts.labels, "its")
    if spec.priority_class_names and facts.priority_class not in spec.priority_class_names:
        yield f"its PriorityClass is {facts.priority_class or 'not set'}"
    if spec.qos_classes and facts.qos not in spec.qos_classes:
        yield f"its QoS class is {facts.qos}"
    if isinstance(spec, ClusterOOMPolicySpec):
        namespace = state.namespace_labels(facts.namespace)
        yield from _label_misses(spec.namespace_selector, namespace, "its namespace's")
        labels = state.node_of(pod).labels
        if labels is not None:
            yield from _label_misses(spec.node_selector, labels, "its node's")


def _label_misses(selector: LabelSelector, labels: Labels, whose: str) -> Iterator[str]:
    for key, value in selector.match_labels.items():
        if key not in labels:
            yield f"{whose} label {key} is missing"
        elif labels[key] != value:
            yield f"{whose} label {key} is {labels[key]!r}, not {value!r}"
    for each in selector.match_expressions:
        if not selects_labels(LabelSelector(match_expressions=(each,)), labels):
            found = f"is {labels[each.key]!r}" if each.key in labels else "is missing"
            wanted = f"{each.operator} {', '.join(each.values)}".strip()
            yield f"{whose} label {each.key} {found}, but {wanted} is asked for"


def _and(parts: Iterable[str]) -> str:
    return " and ".join(parts)


def _count(pods: int) -> str:
    return f"{pods} pods" if pods != 1 else "the only pod"
