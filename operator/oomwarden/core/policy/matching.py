"""Which policies select a container, and which one governs it."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import Struct

from oomwarden.api.base import LabelSelector, LabelSelectorRequirement
from oomwarden.api.policy import ClusterOOMPolicySpec, Mode, OOMPolicySpec, Rule
from oomwarden.core.model.pod import Labels, PodFacts
from oomwarden.core.policy.policy import Policy

CACHED_NAMES = 256
"""Container names for which a policy caches the matching rule."""


class Match(Struct, frozen=True):
    """A policy that competes for a container, with its first rule that matches."""

    policy: Policy
    rule: Rule


class PolicySelection(Struct, frozen=True):
    """Which policy governs a container.

    Attributes:
        winner: The policy that governs it.
        losers: Policies, enforcing or observing, that rank behind the winner.
        observers: Observing policies that would each govern the container if they enforced.
    """

    winner: Match | None = None
    losers: tuple[Policy, ...] = ()
    observers: tuple[Match, ...] = ()


def selects_labels(selector: LabelSelector, labels: Labels) -> bool:
    """Return whether a selector matches labels, as in Kubernetes: NotIn matches absent keys.

    Source: kubernetes apimachinery pkg/labels/selector.go.
    """
    for key, value in selector.match_labels.items():
        if labels.get(key) != value:
            return False
    return not selector.match_expressions or all(
        _satisfies(each, labels) for each in selector.match_expressions
    )


def _satisfies(requirement: LabelSelectorRequirement, labels: Labels) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case _:
            return value is None


def selects(policy: Policy, pod: PodFacts, namespace_labels: Labels, node_labels: Labels) -> bool:
    """Return whether a policy selects a pod, regardless of its rules for containers.

    Args:
        policy: A policy of either kind.
        pod: The pod.
        namespace_labels: Labels of the pod's namespace.
        node_labels: Labels of the node that the pod runs on.
    """
    spec = policy.spec
    return (
        (policy.namespace is None or policy.namespace == pod.namespace)
        and selects_labels(spec.pod_selector, pod.labels)
        and _selects_where(spec, namespace_labels, node_labels)
        and (not spec.priority_class_names or pod.priority_class in spec.priority_class_names)
        and (not spec.qos_classes or pod.qos in spec.qos_classes)
    )


def _selects_where(spec: OOMPolicySpec, namespace_labels: Labels, node_labels: Labels) -> bool:
    if not isinstance(spec, ClusterOOMPolicySpec):
        return True
    return selects_labels(spec.namespace_selector, namespace_labels) and selects_labels(
        spec.node_selector, node_labels
    )


def selects_by_node(policy: Policy) -> bool:
    """Return whether the labels of the node matter to a policy."""
    spec = policy.spec
    return isinstance(spec, ClusterOOMPolicySpec) and spec.node_selector != LabelSelector()


def match(policy: Policy, container: str) -> Match | None:
    """Return the first rule for a container of a selected pod; None if no rule matches."""
    cached = policy.matches
    if container not in cached:
        if len(cached) >= CACHED_NAMES:
            cached.clear()
        cached[container] = _first_rule(policy, container)
    rule = cached[container]
    return None if rule is None else Match(policy, rule)


def _first_rule(policy: Policy, container: str) -> Rule | None:
    for rule in policy.spec.rules:
        if any(fnmatchcase(container, glob) for glob in rule.containers):
            return rule
    return None


def rank(policy: Policy) -> tuple[int, int, str]:
    """Return the sort key, the best first. No two policies for one container have the same."""
    spec = policy.spec
    tier = 1
    if isinstance(spec, ClusterOOMPolicySpec):
        tier = 2 if spec.overridable else 0
    return (tier, -spec.priority, policy.name)


def select_winner(policies: Iterable[Policy], container: str) -> PolicySelection:
    """Select the policy that governs a container among its pod's, in any order."""
    matches = [found for policy in policies if (found := match(policy, container))]
    matches.sort(key=lambda one: rank(one.policy))
    enforcing = (each for each in matches if each.policy.spec.mode is Mode.ENFORCE)
    winner = next(enforcing, None)
    ahead = matches.index(winner) if winner else len(matches)
    losers = tuple(each.policy for each in matches[ahead + 1 :])
    return PolicySelection(winner, losers, tuple(matches[:ahead]))
