"""Which policy wins depends on the policies alone, never on their order."""

import random
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.policy import ClusterOOMPolicySpec
from oomwarden.core.policy.matching import PolicySelection, rank, select_winner, selects
from oomwarden.core.policy.policy import Policy

from tests.support.pods import cluster_policy, pod, policy

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
FIELDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
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
def test_the_order_of_policies_never_changes_the_outcome(
    policies: list[Policy], chance: random.Random
) -> None:
    shuffled = list(policies)
    chance.shuffle(shuffled)
    assert select_winner(policies, "app") == select_winner(shuffled, "app")


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
def test_the_order_does_not_matter_with_filters_and_unselected_policies_do_not_compete(
    ours: dict[str, dict[str, Any]],
    clusters: dict[str, dict[str, Any]],
    labels: tuple[dict[str, str], dict[str, str], dict[str, str]],
    chance: random.Random,
) -> None:
    policies = [policy(name, **fields) for name, fields in ours.items()]
    policies += [cluster_policy(name, **fields) for name, fields in clusters.items()]
    target = replace(pod(), labels=labels[0])

    def outcome(reported: list[Policy]) -> PolicySelection:
        return select_winner(
            [p for p in reported if selects(p, target, labels[1], labels[2])], "app"
        )

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


@given(POLICIES)
def test_no_enforcing_policy_that_matches_ranks_above_the_winner(policies: list[Policy]) -> None:
    found = select_winner(policies, "app")
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
