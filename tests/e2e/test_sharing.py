"""Two clusters if the machine is large enough, otherwise one with a reason."""

import pytest

from e2e import sharing
from e2e.sharing import MAX_CLUSTERS, core_of, name_of, plan_clusters

PLENTY = 100_000


def test_two_cores_and_enough_memory_allow_two_clusters() -> None:
    assert plan_clusters(2, PLENTY).clusters == MAX_CLUSTERS == 2
    assert plan_clusters(64, PLENTY).clusters == 2


@pytest.mark.parametrize(
    ("cores", "free", "node", "reason"),
    [
        (1, PLENTY, "uml", "this machine has one core"),
        (2, 6000, "uml", "two need 11264 MiB of memory and 6000 MiB are available"),
        (2, PLENTY, "qemu", "a node on qemu needs both cores"),
    ],
)
def test_otherwise_one_cluster_runs_all_stories_and_the_plan_has_the_reason(
    cores: int, free: int, node: str, reason: str
) -> None:
    plan = plan_clusters(cores, free, node=node)
    assert (plan.clusters, plan.reason) == (1, reason)


def test_running_clusters_need_no_more_memory() -> None:
    assert plan_clusters(2, 6000, running=1).clusters == 2
    assert plan_clusters(2, 0, running=2).clusters == 2
    assert plan_clusters(2, 0, running=3).clusters == 2


def test_the_users_cluster_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere")
    assert sharing.plan_for_this_machine() == sharing.ClusterPlan(1, "KUBECONFIG names one")


def test_a_cluster_is_named_after_its_worker_and_reused_by_a_replacement_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OOMWARDEN_LAB", raising=False)
    assert [name_of(None), name_of("gw0"), name_of("gw1")] == ["test", "test-gw0", "test-gw1"]
    assert name_of("gw2") == "test-gw0"
    monkeypatch.setenv("OOMWARDEN_LAB", "mine")
    assert name_of("gw1") == "mine-gw1"


def test_each_worker_gets_one_of_the_cores_that_the_run_may_use() -> None:
    assert [core_of("gw0", {5, 3}), core_of("gw1", {5, 3})] == [3, 5]
    assert core_of("gw2", {5, 3}) == 3
    assert core_of("gw1", {4}) == 4
