"""The candidates are the policies that select the pod, and of too many those that rank first."""

from typing import Any

import pytest
from oomwarden.api.policy import QOSClass
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.policy.candidates import Candidates

POD = PodFacts("u", "u", "shop", "db-0", {"app": "db"}, QOSClass.BURSTABLE)


def manifest(name: str, priority: int = 0, **spec: object) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "db"}}
    rules = [{"oomScoreAdj": 5}]
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"podSelector": selector, "rules": rules, "priority": priority, **spec},
    }


def test_policies_of_both_kinds_that_select_the_pod_are_candidates() -> None:
    found = Candidates(POD, {"team": "a"}, {"zone": "b"})
    found.add_namespaced(manifest("mine"))
    found.add_namespaced(manifest("other", podSelector={"matchLabels": {"app": "web"}}))
    found.add_namespaced(manifest("broken", rules="x"))
    found.add_cluster(manifest("team", namespaceSelector={"matchLabels": {"team": "a"}}))
    found.add_cluster(manifest("zone", nodeSelector={"matchLabels": {"zone": "c"}}))
    assert sorted(map(str, found.selected())) == ["ClusterOOMPolicy team", "OOMPolicy shop/mine"]


def test_beyond_the_bound_the_first_by_rank_decide_as_if_all_were_cached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oomwarden.core.policy.policy_cache.MAX_POLICIES", 3)
    found = Candidates(POD, {}, {})
    for number in (5, 1, 9, 3, 7, 2):
        found.add_namespaced(manifest(f"p{number}", number))
    assert sorted(each.name for each in found.selected()) == ["p5", "p7", "p9"]
    assert (
        ResizeContext(POD, None, "n", found.selected(), EnforcementMode.ENFORCE)
        .select_winner()
        .winner
        is None
    )
