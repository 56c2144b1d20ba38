"""Which policies want a container, and which of them wins it whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from oomwarden.api.base import LabelSelector, LabelSelectorRequirement
from oomwarden.api.policy import ClusterOOMPolicySpec, Mode, OOMPolicySpec, Rule
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.policy.policy import Policy

Labels = Mapping[str, str]
KEPT_NAMES = 256
"""Names of containers for which a policy keeps what matches."""


@dataclass(frozen=True, slots=True)
class Match:
    """A policy that competes for a container, with its first rule that matches."""

    policy: Policy
    rule: Rule


@dataclass(frozen=True, slots=True)
class PolicySelection:
    """Who wins one container.

    `losers` enforce or observe, and are beaten by the winner; `observers` would win if they
    enforced, each for itself.
    """

    winner: Match | None = None
    losers: tuple[Policy, ...] = ()
    observers: tuple[Match, ...] = ()


def selects_labels(selector: LabelSelector, labels: Labels) -> bool:
    """Match as Kubernetes does (apimachinery pkg/labels/selector.go): NotIn takes absent keys."""
    for key, value in selector.match_labels.items():
        if labels.get(key) != value:
            return False
    return not selector.match_expressions or all(
        _holds(each, labels) for each in selector.match_expressions
    )


def _holds(requirement: LabelSelectorRequirement, labels: Labels) -> bool:
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
    """Whether a policy selects a pod, whatever its rules say of the containers.

    Args:
        policy: Of either kind.
        pod: The pod.
        namespace_labels: Of the pod's namespace.
        node_labels: Of the node that the pod runs on.
    """
    spec = policy.spec
    return (
        (policy.namespace is None or policy.namespace == pod.namespace)
        and selects_labels(spec.pod_selector, pod.labels)
        and _selects_place(spec, namespace_labels, node_labels)
        and (not spec.priority_class_names or pod.priority_class in spec.priority_class_names)
        and (not spec.qos_classes or pod.qos in spec.qos_classes)
    )


def _selects_place(spec: OOMPolicySpec, namespace_labels: Labels, node_labels: Labels) -> bool:
    if not isinstance(spec, ClusterOOMPolicySpec):
        return True
    return selects_labels(spec.namespace_selector, namespace_labels) and selects_labels(
        spec.node_selector, node_labels
    )


def asks_for_node(policy: Policy) -> bool:
    """Whether the node's labels decide on a policy."""
    spec = policy.spec
    return isinstance(spec, ClusterOOMPolicySpec) and spec.node_selector != LabelSelector()


def match(policy: Policy, container: str) -> Match | None:
    """Find the first rule for a container of a selected pod; None: the policy does not compete."""
    known = policy.matches
    if container not in known:
        if len(known) >= KEPT_NAMES:
            known.clear()
        known[container] = _first_rule(policy, container)
    rule = known[container]
    return None if rule is None else Match(policy, rule)


def _first_rule(policy: Policy, container: str) -> Rule | None:
    for rule in policy.spec.rules:
        if any(fnmatchcase(container, glob) for glob in rule.containers):
            return rule
    return None


def rank(policy: Policy) -> tuple[int, int, str]:
    """Give the sort key: what beats comes first. No two policies for one container share it."""
    spec = policy.spec
    tier = 1
    if isinstance(spec, ClusterOOMPolicySpec):
        tier = 2 if spec.overridable else 0
    return (tier, -spec.priority, policy.name)


def select_winner(policies: Iterable[Policy], container: str) -> PolicySelection:
    """Decide a container among the policies that select its pod, in any order."""
    entrants = [found for policy in policies if (found := match(policy, container))]
    entrants.sort(key=lambda entrant: rank(entrant.policy))
    enforcing = (each for each in entrants if each.policy.spec.mode is Mode.ENFORCE)
    winner = next(enforcing, None)
    ahead = entrants.index(winner) if winner else len(entrants)
    losers = tuple(each.policy for each in entrants[ahead + 1 :])
    return PolicySelection(winner, losers, tuple(entrants[:ahead]))
