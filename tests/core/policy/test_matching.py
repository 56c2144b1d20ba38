from typing import Any

import pytest
from oomwarden.api.base import LabelSelector
from oomwarden.api.codec.codec import decode
from oomwarden.api.oomkill import ContainerType
from oomwarden.core.model.pod import ContainerFacts
from oomwarden.core.policy.matching import (
    PolicySelection,
    match,
    select_winner,
    selects,
    selects_by_node,
    selects_labels,
)

from tests.support.pods import cluster_policy, pod, policy


def expr(key: str, operator: str, *values: str) -> dict[str, object]:
    return {"key": key, "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        ({}, {}, True),
        ({}, {"app": "db"}, True),
        ({"matchLabels": {"app": "db"}}, {"app": "db", "x": "y"}, True),
        ({"matchLabels": {"app": "db"}}, {"app": "web"}, False),
        ({"matchLabels": {"app": "db", "tier": "a"}}, {"app": "db"}, False),
        ({"matchExpressions": [expr("app", "In", "db", "web")]}, {"app": "web"}, True),
        ({"matchExpressions": [expr("app", "In", "db")]}, {}, False),
        ({"matchExpressions": [expr("app", "NotIn", "db")]}, {}, True),
        ({"matchExpressions": [expr("app", "NotIn", "db")]}, {"app": "db"}, False),
        ({"matchExpressions": [expr("app", "Exists")]}, {"app": ""}, True),
        ({"matchExpressions": [expr("app", "Exists")]}, {}, False),
        ({"matchExpressions": [expr("app", "DoesNotExist")]}, {}, True),
        ({"matchExpressions": [expr("app", "DoesNotExist")]}, {"app": ""}, False),
    ],
)
def test_a_label_selector_means_what_it_means_in_kubernetes(
    selector: dict[str, object], labels: dict[str, str], *, matches: bool
) -> None:
    assert selects_labels(decode(LabelSelector, selector), labels) is matches


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ({}, True),
        ({"podSelector": {"matchLabels": {"app": "web"}}}, False),
        ({"priorityClassNames": ["low", "high"]}, True),
        ({"priorityClassNames": ["low"]}, False),
        ({"qosClasses": ["Burstable"]}, True),
        ({"qosClasses": ["Guaranteed", "BestEffort"]}, False),
        ({"qosClasses": ["Burstable"], "priorityClassNames": ["low"]}, False),
    ],
)
def test_all_criteria_of_a_policy_must_match_a_pod(
    fields: dict[str, Any], *, matches: bool
) -> None:
    assert selects(policy(**fields), pod(), {}, {}) is matches


def test_a_policy_selects_only_in_its_own_namespace() -> None:
    assert not selects(policy(namespace="other"), pod(), {}, {})


def test_a_cluster_policy_selects_by_the_labels_of_the_namespace() -> None:
    tenants = cluster_policy(namespaceSelector={"matchLabels": {"tier": "tenant"}})
    assert selects(tenants, pod(), {"tier": "tenant"}, {})
    assert not selects(tenants, pod(), {}, {})
    assert selects(cluster_policy(), pod(), {}, {})


def test_a_cluster_policy_selects_by_the_labels_of_the_node() -> None:
    canary = cluster_policy(nodeSelector={"matchLabels": {"canary": "yes"}})
    assert selects(canary, pod(), {}, {"canary": "yes"})
    assert not selects(canary, pod(), {"canary": "yes"}, {})
    assert selects_by_node(canary)
    assert not selects_by_node(cluster_policy())
    assert not selects_by_node(policy())


def test_the_first_rule_that_matches_a_container_decides() -> None:
    rules = [
        {"containers": ["db-*"], "oomScoreAdj": 1},
        {"containers": ["*"], "oomScoreAdj": 2},
    ]
    found = match(policy(rules=rules), "db-main")
    assert found is not None
    assert found.rule.oom_score_adj == 1


def test_globs_are_case_sensitive_and_match_whole_names() -> None:
    found = policy(rules=[{"containers": ["app"], "oomScoreAdj": 1}])
    assert match(found, "app")
    assert match(found, "APP") is None
    assert match(found, "my-app") is None


def test_a_policy_without_a_matching_rule_does_not_compete() -> None:
    high = policy("high", priority=9, rules=[{"containers": ["web"], "oomScoreAdj": 1}])
    low = policy("low")
    assert names(select_winner([high, low], "app")) == ("low", [], [])


def test_a_cluster_policy_ranks_above_namespaced_ones_unless_it_is_overridable() -> None:
    boss, ours = cluster_policy("boss"), policy("ours", priority=100)
    default = cluster_policy("default", overridable=True, priority=1000)
    assert names(select_winner([default, ours, boss], "app")) == ("boss", ["ours", "default"], [])
    assert names(select_winner([default, ours], "app")) == ("ours", ["default"], [])


def test_the_highest_priority_wins_and_of_equals_the_name_that_sorts_first() -> None:
    found = select_winner([policy("b"), policy("a"), policy("z", priority=1)], "app")
    assert names(found) == ("z", ["a", "b"], [])


def test_an_observing_policy_never_displaces_another() -> None:
    observe = policy("observe", mode="Observe", priority=9)
    beaten = policy("beaten", mode="Observe", priority=-9)
    enforce = policy("enforce")
    found = select_winner([beaten, enforce, observe], "app")
    assert names(found) == ("enforce", ["beaten"], ["observe"])


def test_observing_policies_alone_leave_a_container_without_a_winner() -> None:
    assert names(
        select_winner([policy("a", mode="Observe"), policy("b", mode="Observe")], "app")
    ) == (
        None,
        [],
        ["a", "b"],
    )


@pytest.mark.parametrize("kind", list(ContainerType))
def test_rules_match_names_of_containers_of_any_type(kind: ContainerType) -> None:
    described = ContainerFacts("app-1", kind)
    assert match(policy(rules=[{"containers": ["app-?"], "oomScoreAdj": 1}]), described.name)


def names(found: PolicySelection) -> tuple[str | None, list[str], list[str]]:
    return (
        found.winner.policy.name if found.winner else None,
        [loser.name for loser in found.losers],
        [observer.policy.name for observer in found.observers],
    )
