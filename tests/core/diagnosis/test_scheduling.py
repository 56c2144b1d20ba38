from typing import Any

import pytest
from oomwarden.core.diagnosis.scheduling import why_excluded

TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


def daemon_set(**pod: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"spec": {"template": {"spec": pod}}}


def tainted(*taints: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"labels": {"pool": "a"}}, "spec": {"taints": list(taints)}}


@pytest.mark.parametrize(
    "toleration",
    [
        {"operator": "Exists"},
        {"key": "dedicated", "operator": "Exists"},
        {"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "dedicated", "value": "gpu"},
        {"key": "dedicated", "operator": "Equal", "value": "gpu", "effect": ""},
    ],
)
def test_a_tolerated_taint_excludes_no_agent(toleration: dict[str, str]) -> None:
    assert why_excluded(tainted(TAINT), daemon_set(tolerations=[toleration])) is None


@pytest.mark.parametrize(
    "toleration",
    [
        {},
        {"key": "dedicated"},
        {"key": "dedicated", "value": "cpu"},
        {"key": "other", "operator": "Exists"},
        {"operator": "Exists", "effect": "NoExecute"},
        {"value": "gpu"},
    ],
)
def test_a_toleration_of_something_else_does_not_help(toleration: dict[str, str]) -> None:
    found = why_excluded(tainted(TAINT), daemon_set(tolerations=[toleration]))
    assert found is not None
    assert "dedicated=gpu:NoSchedule" in found[0]


def test_taints_that_all_daemon_sets_tolerate_or_that_only_prefer_do_not_count() -> None:
    pressed = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
    soft = {"key": "dedicated", "effect": "PreferNoSchedule"}
    assert why_excluded(tainted(pressed, soft), daemon_set()) is None


def test_the_charts_node_selector_and_affinity_are_named() -> None:
    selected = daemon_set(nodeSelector={"pool": "b"})
    affine = daemon_set(affinity={"nodeAffinity": {"required": {}}})
    first, second = why_excluded(tainted(), selected), why_excluded(tainted(), affine)
    assert first is not None
    assert second is not None
    assert "agent.nodeSelector of the chart excludes it (pool=b)" in first[0]
    assert "agent.affinity" in second[0]
