"""Two clusters where the machine is large enough, else one and the reason."""

import pytest

from e2e import sharing
from e2e.sharing import MOST, core_of, name_of, share

PLENTY = 100_000


def test_two_cores_and_enough_memory_carry_two_clusters() -> None:
    assert share(2, PLENTY).clusters == MOST == 2
    assert share(64, PLENTY).clusters == 2


@pytest.mark.parametrize(
    ("cores", "free", "node", "because"),
    [
        (1, PLENTY, "uml", "this machine has one core"),
        (2, 6000, "uml", "two need 11264 MiB of memory and 6000 MiB are available"),
        (2, PLENTY, "qemu", "a node on qemu needs both cores"),
    ],
)
def test_else_one_cluster_runs_all_stories_and_the_reason_is_said(
    cores: int, free: int, node: str, because: str
) -> None:
    decided = share(cores, free, node=node)
    assert (decided.clusters, decided.because) == (1, because)


def test_clusters_that_run_already_need_no_more_memory() -> None:
    assert share(2, 6000, running=1).clusters == 2
    assert share(2, 0, running=2).clusters == 2
    assert share(2, 0, running=3).clusters == 2


def test_the_cluster_of_the_user_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere")
    assert sharing.share_here() == sharing.Share(1, "KUBECONFIG names one")


def test_a_cluster_is_named_after_its_worker_and_a_new_worker_takes_it_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OOMWARDEN_LAB", raising=False)
    assert [name_of(None), name_of("gw0"), name_of("gw1")] == ["test", "test-gw0", "test-gw1"]
    assert name_of("gw2") == "test-gw0"
    monkeypatch.setenv("OOMWARDEN_LAB", "mine")
    assert name_of("gw1") == "mine-gw1"


def test_each_worker_has_a_core_of_those_that_the_run_may_use() -> None:
    assert [core_of("gw0", {5, 3}), core_of("gw1", {5, 3})] == [3, 5]
    assert core_of("gw2", {5, 3}) == 3
    assert core_of("gw1", {4}) == 4
