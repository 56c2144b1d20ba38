import random
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.base import LabelSelector
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import ClusterOOMPolicySpec
from oomwarden.core.facts import ContainerFacts
from oomwarden.core.matching import (
    Contest,
    asks_for_node,
    contest,
    match,
    rank,
    selects,
    selects_labels,
)
from oomwarden.core.policies import Policy
from pods import cluster_policy, pod, policy


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
    assert selects_labels(LabelSelector.model_validate(selector), labels) is matches


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
def test_all_that_a_policy_asks_of_a_pod_must_hold(
    fields: dict[str, object], *, matches: bool
) -> None:
    assert selects(policy(**fields), pod(), {}, {}) is matches


def test_a_policy_selects_in_its_own_namespace_alone() -> None:
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
    assert asks_for_node(canary)
    assert not asks_for_node(cluster_policy())
    assert not asks_for_node(policy())


def test_the_first_rule_that_matches_a_container_decides() -> None:
    rules = [
        {"containers": ["db-*"], "oomScoreAdj": 1},
        {"containers": ["*"], "oomScoreAdj": 2},
    ]
    found = match(policy(rules=rules), "db-main")
    assert found is not None
    assert found.rule.oom_score_adj == 1


def test_globs_are_about_case_and_whole_names() -> None:
    found = policy(rules=[{"containers": ["app"], "oomScoreAdj": 1}])
    assert match(found, "app")
    assert match(found, "APP") is None
    assert match(found, "my-app") is None


def test_a_policy_without_a_matching_rule_does_not_compete() -> None:
    high = policy("high", priority=9, rules=[{"containers": ["web"], "oomScoreAdj": 1}])
    low = policy("low")
    assert names(contest([high, low], "app")) == ("low", [], [])


def test_a_cluster_policy_beats_namespaced_ones_unless_it_is_overridable() -> None:
    boss, ours = cluster_policy("boss"), policy("ours", priority=100)
    default = cluster_policy("default", overridable=True, priority=1000)
    assert names(contest([default, ours, boss], "app")) == ("boss", ["ours", "default"], [])
    assert names(contest([default, ours], "app")) == ("ours", ["default"], [])


def test_the_highest_priority_wins_and_of_equals_the_name_that_sorts_first() -> None:
    found = contest([policy("b"), policy("a"), policy("z", priority=1)], "app")
    assert names(found) == ("z", ["a", "b"], [])


def test_an_observing_policy_never_displaces_another() -> None:
    observe = policy("observe", mode="Observe", priority=9)
    beaten = policy("beaten", mode="Observe", priority=-9)
    enforce = policy("enforce")
    found = contest([beaten, enforce, observe], "app")
    assert names(found) == ("enforce", ["beaten"], ["observe"])


def test_observing_policies_alone_leave_a_container_without_a_winner() -> None:
    assert names(contest([policy("a", mode="Observe"), policy("b", mode="Observe")], "app")) == (
        None,
        [],
        ["a", "b"],
    )


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
FIELDS = st.fixed_dictionaries(
    {
        "priority": st.integers(-2, 2),
        "mode": st.sampled_from(["Enforce", "Observe"]),
        "rules": st.lists(
            st.fixed_dictionaries(
                {
                    "containers": st.lists(
                        st.sampled_from(["*", "a*", "web"]), min_size=1, max_size=2
                    ),
                    "oomScoreAdj": st.integers(-997, 1000),
                }
            ),
            min_size=1,
            max_size=2,
        ),
    }
)
CLUSTER_FIELDS = st.tuples(FIELDS, st.booleans()).map(
    lambda pair: {**pair[0], "overridable": pair[1]}
)
POLICIES = st.tuples(
    st.dictionaries(NAMES, FIELDS, max_size=4),
    st.dictionaries(NAMES, CLUSTER_FIELDS, max_size=3),
).map(
    lambda both: (
        [policy(name, **fields) for name, fields in both[0].items()]
        + [cluster_policy(name, **fields) for name, fields in both[1].items()]
    )
)


@given(POLICIES, st.randoms(use_true_random=False))
def test_the_order_in_which_policies_are_told_never_changes_the_outcome(
    policies: list[Policy], chance: random.Random
) -> None:
    shuffled = list(policies)
    chance.shuffle(shuffled)
    assert contest(policies, "app") == contest(shuffled, "app")


LABELS = st.dictionaries(st.sampled_from(["tier", "zone"]), st.sampled_from(["a", "b"]), max_size=2)
SELECTORS = LABELS.map(lambda labels: {"matchLabels": labels})
FILTERS = st.fixed_dictionaries(
    {
        "priority": st.integers(-1, 1),
        "podSelector": SELECTORS,
        "priorityClassNames": st.lists(st.sampled_from(["high", "low"]), max_size=1),
        "qosClasses": st.lists(st.sampled_from(["Burstable", "Guaranteed"]), max_size=1),
        "rules": st.just([{"oomScoreAdj": 1}]),
    }
)
CLUSTER_FILTERS = st.tuples(FILTERS, SELECTORS, SELECTORS, st.booleans()).map(
    lambda each: {
        **each[0],
        "namespaceSelector": each[1],
        "nodeSelector": each[2],
        "overridable": each[3],
    }
)


@given(
    st.dictionaries(NAMES, FILTERS, max_size=4),
    st.dictionaries(NAMES, CLUSTER_FILTERS, max_size=4),
    st.tuples(LABELS, LABELS, LABELS),
    st.randoms(use_true_random=False),
)
def test_nor_does_it_with_all_filters_and_who_is_not_selected_does_not_compete(
    ours: dict[str, dict[str, object]],
    clusters: dict[str, dict[str, object]],
    labels: tuple[dict[str, str], dict[str, str], dict[str, str]],
    chance: random.Random,
) -> None:
    policies = [policy(name, **fields) for name, fields in ours.items()]
    policies += [cluster_policy(name, **fields) for name, fields in clusters.items()]
    target = replace(pod(), labels=labels[0])

    def outcome(told: list[Policy]) -> Contest:
        return contest([p for p in told if selects(p, target, labels[1], labels[2])], "app")

    found = outcome(policies)
    assert found == outcome(chance.sample(policies, len(policies)))
    for entrant in filter(None, [found.winner]):
        spec = entrant.policy.spec
        assert spec.pod_selector.match_labels.items() <= labels[0].items()
        assert not spec.priority_class_names or target.priority_class in spec.priority_class_names
        assert not spec.qos_classes or target.qos in spec.qos_classes
        if isinstance(spec, ClusterOOMPolicySpec):
            assert spec.namespace_selector.match_labels.items() <= labels[1].items()
            assert spec.node_selector.match_labels.items() <= labels[2].items()


@pytest.mark.parametrize("kind", list(ContainerType))
def test_rules_are_about_names_whatever_the_type_of_the_container(kind: ContainerType) -> None:
    described = ContainerFacts("app-1", kind)
    assert match(policy(rules=[{"containers": ["app-?"], "oomScoreAdj": 1}]), described.name)


@given(POLICIES)
def test_who_wins_is_who_nobody_that_enforces_and_matches_beats(policies: list[Policy]) -> None:
    found = contest(policies, "app")
    rivals = [
        each
        for each in policies
        if each.spec.mode == "Enforce"
        and any(fnmatchcase("app", glob) for rule in each.spec.rules for glob in rule.containers)
    ]
    if found.winner is None:
        assert rivals == []
        return
    assert found.winner.policy in rivals
    assert all(rank(found.winner.policy) <= rank(rival) for rival in rivals)


def names(found: Contest) -> tuple[str | None, list[str], list[str]]:
    return (
        found.winner.policy.name if found.winner else None,
        [loser.name for loser in found.losers],
        [observer.policy.name for observer in found.observers],
    )
