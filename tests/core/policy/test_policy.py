from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.models.validated import validated
from oomwarden.core.limits.desired_limit import rule_limit
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, key_of, parse_policy

from tests.support.pods import cluster_policy, policy, spec

RESERVED = "-998 is reserved for the pause container"


def manifest(**fields: object) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "shop"}, "spec": spec(**fields)}


def test_a_policy_knows_its_kind_place_and_generation() -> None:
    assert policy("p").key == (NAMESPACED, "shop", "p")
    assert cluster_policy("c").key == (CLUSTER, "", "c")
    assert (policy().generation, policy().spec.priority) == (3, 0)
    assert (str(policy("p")), str(cluster_policy("c"))) == ("OOMPolicy shop/p", f"{CLUSTER} c")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (
            {"rules": [{"oomScoreAdj": -1000}]},
            r"spec.rules\[0\].oomScoreAdj: .*-1000 is never allowed, because",
        ),
        ({"rules": [{"oomScoreAdj": 1}, {"oomScoreAdj": "x"}]}, r"spec.rules\[1\].oomScoreAdj"),
        ({"rules": [{"oomScoreAdj": 1, "oomScoreOffset": 1}]}, r"spec.rules\[0\]: set .* or"),
        ({"rules": []}, "spec.rules"),
        ({"mode": "Maybe"}, "spec.mode"),
        ({"podSelector": None}, "spec.podSelector"),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}},
            r"spec.podSelector.matchExpressions\[0\].operator",
        ),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            r"spec.podSelector.matchExpressions\[0\].values",
        ),
    ],
)
def test_an_invalid_field_is_named(fields: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse_policy(NAMESPACED, manifest(**fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"rules": [{"oomScoreAdj": -998}]},
            "spec.rules[0].oomScoreAdj: Input should be greater than or equal to -997; " + RESERVED,
        ),
        ({"priority": "high"}, "spec.priority: Input should be a valid integer"),
        ({"mode": "Maybe"}, "spec.mode: Input should be 'Enforce' or 'Observe'"),
        ({"podSelector": None}, "spec.podSelector: Input should be an object"),
        ({"rules": []}, "spec.rules: List should have at least 1 item"),
        (
            {"podSelector": {"matchLabels": {"ok": "x", "app.io/name": 5}}},
            "spec.podSelector.matchLabels.app.io/name: Input should be a valid string",
        ),
        (
            {"rules": [{"onOOM": {"raiseLimit": {}}}]},
            "spec.rules[0].onOOM.raiseLimit.upTo: Field required",
        ),
    ],
)
def test_a_refusal_says_which_field_and_why(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=r"^spec") as refused:
        parse_policy(NAMESPACED, manifest(**fields))
    assert str(refused.value) == words


def test_a_file_that_the_models_check_as_well_is_refused_in_the_same_words() -> None:
    given = manifest(rules=[{"oomScoreAdj": -998}])
    with pytest.raises(ValueError, match=RESERVED):
        parse_policy(NAMESPACED, given, validated)
    assert parse_policy(NAMESPACED, manifest(), validated) == parse_policy(NAMESPACED, manifest())


@pytest.mark.parametrize("field", ["namespaceSelector", "nodeSelector"])
def test_the_selectors_of_a_cluster_policy_are_checked_too(field: str) -> None:
    bad = {"matchExpressions": [{"key": "a", "operator": "Like"}]}
    with pytest.raises(ValueError, match=rf"spec\.{field}"):
        parse_policy(CLUSTER, manifest(**{field: bad}))


def test_fields_of_a_newer_version_are_named_and_the_rest_is_parsed() -> None:
    rules = [{"oomScoreAdj": 5, "memory": {"limit": "1Gi", "swap": 1}}]
    found = policy(rules=rules, budget=3)
    assert found.unknown == ("budget", "rules[0].memory.swap")
    assert found.spec.rules[0].oom_score_adj == 5


def test_a_policy_without_a_name_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"metadata\.name"):
        key_of(NAMESPACED, {"metadata": {}})


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
)


@given(st.one_of(JSON, st.fixed_dictionaries({"podSelector": JSON, "rules": JSON, "mode": JSON})))
def test_any_spec_is_parsed_or_rejected_with_a_sentence(anything: object) -> None:
    reported = "spec"
    try:
        parse_policy(NAMESPACED, {"metadata": {"name": "p", "namespace": "s"}, "spec": anything})
    except ValueError as error:
        reported = str(error)
    assert reported.startswith("spec")


def with_limit(limit: object) -> dict[str, Any]:
    return manifest(rules=[{"memory": {"limit": limit}}])


@pytest.mark.parametrize(
    ("given_amount", "size"),
    [
        ("129e6", 129_000_000), (536870912, 512 << 20), ("0512Mi", 512 << 20), ("+.5Gi", 512 << 20),
        ("128974848000m", 128_974_848), ("1E", 10**18), ("1e9", 10**9), ("16Ei", (1 << 63) - 1),
        (1.5e9, 1_500_000_000), ("1e00009", 10**9), ("1e99", (1 << 63) - 1),
    ],
)  # fmt: skip
def test_an_amount_is_accepted_in_every_form_that_pods_accept(
    given_amount: object, size: int
) -> None:
    [rule] = parse_policy(NAMESPACED, with_limit(given_amount)).spec.rules
    assert rule_limit(rule) == size


@pytest.mark.parametrize(
    "amount",
    ["", " 512Mi", "512MB", "0", "1023Ki", 1048575, -1, "-1Gi", "Mi", True, 1.5, 2e6 + 0.5,
               "1e100", "1E+2147483647", "1e-0100", float("inf"), None],
)  # fmt: skip
def test_an_invalid_or_too_small_amount_is_rejected_by_the_name_of_its_field(
    amount: object,
) -> None:
    if amount is None:
        given_rule: dict[str, Any] = {"onOOM": {"raiseLimit": {"upTo": "x"}}}
        named = "upTo"
    else:
        given_rule, named = {"memory": {"limit": amount}}, "memory.limit"
    with pytest.raises(ValueError, match=named):
        parse_policy(NAMESPACED, manifest(rules=[given_rule]))
