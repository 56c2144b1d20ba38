import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.enforcement.kubelet_score import HIGHEST, LOWEST, kubelet_score
from oomwarden.core.model.pod import ContainerFacts, PodFacts

from tests.support.pods import pod

GI = 1 << 30


def asking(
    request: int, kind: ContainerType = ContainerType.APP, name: str = "app"
) -> ContainerFacts:
    return ContainerFacts(name, kind, request=request)


def score(one: ContainerFacts, *others: ContainerFacts, qos: str = "Burstable") -> int | None:
    whole: PodFacts = replace(pod(), containers=(one, *others), qos=QOSClass(qos))
    return kubelet_score(whole, one, 8 * GI)


@pytest.mark.parametrize(
    ("requested", "expected"),
    [(0, 999), (1, 999), (4 * GI, 500), (8 * GI, 3), (GI, 875), (8 * GI - 1, 3)],
    ids=["none", "a byte", "half", "all", "an eighth", "nearly all"],
)  # fmt: skip
def test_the_score_is_what_the_kubelet_computes_from_the_request(
    requested: int, expected: int
) -> None:
    assert score(asking(requested)) == expected


@pytest.mark.parametrize("qos", ["Guaranteed", "BestEffort"])
def test_scores_of_other_classes_do_not_depend_on_the_request(qos: str) -> None:
    assert score(asking(GI), qos=qos) is None


def test_a_sidecar_is_killed_no_sooner_than_the_smallest_regular_container() -> None:
    sidecar = asking(GI, ContainerType.SIDECAR, "proxy")
    assert score(sidecar, asking(4 * GI), asking(2 * GI, name="b")) == 750
    assert score(sidecar, asking(0)) == 875


def with_pod_request(request: int, *containers: ContainerFacts) -> list[int | None]:
    whole = replace(pod(), containers=containers, request=request)
    return [kubelet_score(whole, each, 8 * GI) for each in containers]


def test_the_pods_request_beyond_its_containers_is_shared_among_them() -> None:
    both = asking(GI), asking(0, name="b")
    assert with_pod_request(5 * GI, *both) == [625, 750]
    assert with_pod_request(GI, *both) == [875, 999]
    proxy = asking(0, ContainerType.SIDECAR, "proxy")
    assert with_pod_request(5 * GI, proxy, *both) == [834, 709, 834]


def test_an_init_container_counts_only_if_it_requests_more_than_what_runs_after_it() -> None:
    setup, app = asking(3 * GI, ContainerType.INIT, "setup"), asking(GI)
    assert with_pod_request(5 * GI, setup, app) == [500, 750]
    assert with_pod_request(5 * GI, setup, asking(4 * GI)) == [563, 438]
    debug = asking(0, ContainerType.EPHEMERAL, "debug")
    assert with_pod_request(2 * GI, app, debug) == [750, 875], "a debug container counts for none"


def test_without_the_nodes_capacity_there_is_no_score() -> None:
    assert kubelet_score(pod(), asking(GI), 0) is None


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_the_score_stays_between_the_classes_and_falls_as_the_request_grows(a: int, b: int) -> None:
    low, high = (score(asking(each)) for each in sorted((a, b)))
    assert low is not None
    assert high is not None
    assert LOWEST <= high <= low <= HIGHEST
