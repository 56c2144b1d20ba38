from typing import Any

import pytest
from oomwarden.api.codec.codec import decode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.policy import ClusterOOMPolicySpec, Mode, OOMPolicySpec
from oomwarden.api.schema.unknown_fields import unknown_fields

MINIMAL: dict[str, Any] = {"podSelector": {}, "rules": [{"oomScoreAdj": 1}]}


def test_a_minimal_policy_enforces_on_all_containers() -> None:
    spec = decode(OOMPolicySpec, MINIMAL)
    assert spec.mode is Mode.ENFORCE
    assert spec.rules[0].containers == ("*",)


@pytest.mark.parametrize("score", [-1000, -998, 1001])
def test_a_score_out_of_range_is_rejected_even_if_the_api_server_accepted_it(score: int) -> None:
    with pytest.raises(InvalidObjectError):
        decode(OOMPolicySpec, {**MINIMAL, "rules": [{"oomScoreAdj": score}]})


def test_fields_of_a_newer_version_are_named_and_do_not_stop_an_older_agent() -> None:
    newer = {
        "podSelector": {"matchLabels": {"any": "label"}, "matchFields": {}},
        "rules": [{"oomScoreAdj": 1}, {"memory": {"limit": "1Gi", "swap": 1}, "oomScoreAdj": 2}],
        "schedule": "nights",
    }
    assert decode(OOMPolicySpec, newer).rules[1].oom_score_adj == 2
    found = unknown_fields(newer, OOMPolicySpec)
    assert found == ("podSelector.matchFields", "rules[1].memory.swap", "schedule")


def test_a_cluster_policy_has_its_own_fields() -> None:
    spec = {**MINIMAL, "namespaceSelector": {}, "overridable": True}
    assert unknown_fields(spec, ClusterOOMPolicySpec) == ()
    assert unknown_fields(spec, OOMPolicySpec) == ("namespaceSelector", "overridable")


def test_malformed_parts_are_left_to_validation() -> None:
    assert unknown_fields({"rules": "none", "podSelector": None}, OOMPolicySpec) == ()
