from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, parse_policy
from oomwarden.core.policy_check.defaults import completed
from oomwarden.core.policy_check.manifest_check import (
    POLICY_KINDS,
    check_policy,
    resource_error,
    schema_of,
)

API, OLD = "oomwarden.io/v1alpha1", "oomwarden.io/v1"


def manifest(kind: str = NAMESPACED, **spec: object) -> dict[str, Any]:
    whole = {"podSelector": {"matchLabels": {"a": "b"}}, "rules": [{"oomScoreAdj": 5}]} | spec
    return {"apiVersion": API, "kind": kind, "metadata": {"name": "a"}, "spec": whole}


def reasons(found: dict[str, Any]) -> list[tuple[str, str]]:
    result = check_policy(found, floor=-500)
    assert not result.errors
    return [(each.path, each.reason) for each in result.warnings]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({}, "Object 'Kind' is missing"),
        ({"kind": "OOMPolicy"}, "Object 'apiVersion' is missing"),
        ({"kind": ["a"], "apiVersion": API}, "Object 'Kind' is not text"),
        (
            {"kind": "OOMPolcy", "apiVersion": API},
            f'no matches for kind "OOMPolcy" in version "{API}": did you mean OOMPolicy?',
        ),
        (
            {"kind": "oompolicy", "apiVersion": API},
            f'no matches for kind "oompolicy" in version "{API}": did you mean OOMPolicy?',
        ),
        (
            {"kind": "OOMPolicy", "apiVersion": OLD},
            f'no matches for kind "OOMPolicy" in version "{OLD}": write apiVersion: {API}',
        ),
        (
            {"kind": "ClusterOOMPolicy", "apiVersion": "v1"},
            f'no matches for kind "ClusterOOMPolicy" in version "v1": write apiVersion: {API}',
        ),
        ({"kind": "Xyz", "apiVersion": API}, f'no matches for kind "Xyz" in version "{API}"'),
        ({"kind": "OOMKill", "apiVersion": API}, ""),
        ({"kind": "Deployment", "apiVersion": "apps/v1"}, ""),
    ],
)
def test_a_kind_that_kubectl_does_not_know_is_named(found: dict[str, Any], sentence: str) -> None:
    assert resource_error(found) == sentence


def test_a_misspelt_field_gets_a_suggestion() -> None:
    rules = [{"oomscoreadj": 5, "memory": {"limits": "1Gi"}, "processes": [{"comand": "a"}]}]
    found = check_policy(manifest(rules=rules, podselector={}) | {"specs": {}})
    hints = {each.path: each.hint for each in found.errors if each.hint}
    assert hints == {
        "spec.rules[0].oomscoreadj": "did you mean oomScoreAdj?",
        "spec.rules[0].memory.limits": "did you mean limit?",
        "spec.rules[0].processes[0].comand": "did you mean command?",
        "spec.podselector": "did you mean podSelector?",
        "specs": "did you mean spec?",
    }


def test_the_floor_is_that_of_the_chart_and_holds_for_namespaced_policies_alone() -> None:
    rules = [{"oomScoreAdj": -600}]
    sentence = "spec.rules[0].oomScoreAdj is -600, but policies of a namespace may not go below "
    (error,) = check_policy(manifest(rules=rules), floor=-500).errors
    assert (error.stage.value, error.path) == ("Admission", "spec.rules[0].oomScoreAdj")
    assert error.sentence.startswith(f"{sentence}-500 in this cluster: set -500 or more")
    assert not check_policy(manifest(rules=rules), floor=-600).errors
    assert not check_policy(manifest(rules=rules), floor=None).errors
    assert not check_policy(manifest(CLUSTER, rules=rules), floor=-500).errors


def test_a_cluster_policy_that_tenants_can_abuse_or_that_selects_everything_is_warned_of() -> None:
    assert reasons(manifest(CLUSTER)) == []
    lower = [{"oomScoreAdj": -5}]
    assert reasons(manifest(CLUSTER, rules=lower)) == [("spec.podSelector", "AnyTenant")]
    assert reasons(manifest(CLUSTER, podSelector={})) == [("spec.podSelector", "SelectsEverything")]
    narrow = {"namespaceSelector": {"matchLabels": {"a": "b"}}}
    assert reasons(manifest(CLUSTER, podSelector={}, rules=lower, **narrow)) == []
    assert reasons(manifest(podSelector={})) == [], "the whole namespace is clear enough"


def test_process_rules_in_a_group_kill_are_warned_of() -> None:
    processes = [{"command": "*", "oomScoreAdj": 5}, {"command": "b", "oomScoreAdj": 6}]
    found = reasons(manifest(rules=[{"processes": processes}]))
    assert found == [
        ("spec.rules[0].processes", "Ineffective"),
        ("spec.rules[0].processes[1]", "NeverApplies"),
    ]
    alone = {"processes": processes[:1], "memory": {"groupKill": False}}
    assert reasons(manifest(rules=[alone])) == []


def test_a_rule_behind_one_for_every_container_is_warned_of() -> None:
    rules = [{"containers": ["a"], "oomScoreAdj": 1}, {"oomScoreAdj": 2}, {"oomScoreAdj": 3}]
    assert reasons(manifest(rules=rules)) == [("spec.rules[2]", "NeverApplies")]


def test_limits_that_cannot_take_effect_are_warned_of() -> None:
    raising = {"memory": {"limit": "1Gi"}, "onOOM": {"raiseLimit": {"upTo": "1024Mi"}}}
    assert reasons(manifest(rules=[raising])) == [
        ("spec.rules[0].onOOM.raiseLimit.upTo", "NeverRaised")
    ]
    rules = [{"memory": {"limit": 2**30}}]
    assert reasons(manifest(rules=rules, qosClasses=["BestEffort"])) == [
        ("spec.rules[0].memory.limit", "QOSChange")
    ]


def test_a_namespace_on_a_cluster_policy_is_ignored_and_warned_of() -> None:
    found = manifest(CLUSTER)
    found["metadata"]["namespace"] = "shop"
    assert reasons(found) == [("metadata.namespace", "NamespaceIgnored")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
FIELDS = {
    "mode": JSON, "priority": JSON, "podSelector": JSON, "qosClasses": JSON, "rules": JSON,
    "priorityClassNames": JSON,
}  # fmt: skip


@given(st.fixed_dictionaries({}, optional=FIELDS) | JSON, JSON, st.sampled_from(POLICY_KINDS))
def test_nothing_raises_and_whatever_passes_the_agents_can_read(
    spec: object, metadata: object, kind: str
) -> None:
    found = {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}
    if not check_policy(found, floor=-500).errors:
        parse_policy(
            kind, {**found, "spec": completed(spec, schema_of(kind)["properties"]["spec"])}
        )
