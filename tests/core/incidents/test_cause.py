import pytest
from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.cause import (
    Ancestors,
    CauseVerdict,
    PodLimits,
    from_counters,
    from_log,
)
from oomwarden.core.kernel_log.lines import Constraint
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level

MIB = 1 << 20
QUIET = (KillCounters(), KillCounters())
TWO = PodLimits(64 * MIB, (32 * MIB, 32 * MIB))
BIGGER = PodLimits(48 * MIB, (32 * MIB, 32 * MIB))
QOS = CauseVerdict(Cause.NODE_ALLOCATABLE, Level.QOS)
POD = Cgroup(1, "kubepods.slice/kubepods-podx.slice", Level.POD)


@pytest.mark.parametrize(
    ("increments", "above", "limits", "verdict"),
    [
        (KillCounters(oom=1), QUIET, TWO, CauseVerdict(Cause.CONTAINER_LIMIT)),
        (
            KillCounters(oom=1, oom_local=1),
            QUIET,
            TWO,
            CauseVerdict(Cause.CONTAINER_LIMIT, Level.POD),
        ),
        (KillCounters(oom=1, oom_local=1), QUIET, BIGGER, CauseVerdict(Cause.POD_LIMIT)),
        (
            KillCounters(oom=1, oom_local=1),
            QUIET,
            PodLimits(64 * MIB, (None, 32 * MIB)),
            CauseVerdict(Cause.POD_LIMIT),
        ),
        (KillCounters(oom=2, oom_local=1), QUIET, TWO, CauseVerdict(Cause.UNKNOWN)),
        (
            KillCounters(),
            (KillCounters(), KillCounters(oom=1, oom_local=1)),
            TWO,
            CauseVerdict(Cause.NODE_ALLOCATABLE),
        ),
        (KillCounters(), (KillCounters(oom=1, oom_local=1), KillCounters(oom=1)), TWO, QOS),
        (
            KillCounters(),
            (KillCounters(oom=1, oom_local=1),),
            TWO,
            CauseVerdict(Cause.NODE_ALLOCATABLE),
        ),
        (KillCounters(), QUIET, TWO, CauseVerdict(Cause.NODE_OUT_OF_MEMORY)),
    ],
)
def test_the_cause_is_the_level_whose_own_oom_rose(
    increments: KillCounters,
    above: tuple[KillCounters, ...],
    limits: PodLimits,
    verdict: CauseVerdict,
) -> None:
    assert from_counters(increments, Ancestors(above), limits) == verdict


def test_on_a_nested_node_the_cause_above_it_is_unknown() -> None:
    assert from_counters(KillCounters(), Ancestors(QUIET, nested=True), TWO).cause is Cause.UNKNOWN


def test_oom_above_two_pods_without_oom_of_their_own_explains_neither() -> None:
    above = (KillCounters(), KillCounters(oom=1, oom_local=1))
    assert (
        from_counters(KillCounters(), Ancestors(above, is_only_candidate=False), TWO).cause
        is Cause.UNKNOWN
    )


def test_a_pod_with_one_container_has_the_containers_limit() -> None:
    assert PodLimits(None, (None,)).is_sum_of_containers
    assert not PodLimits(None, (None, None)).is_sum_of_containers


@pytest.mark.parametrize(
    ("oom_memcg", "cause"),
    [
        (None, Cause.NODE_OUT_OF_MEMORY),
        (f"/{POD.path}", Cause.CONTAINER_LIMIT),
        (f"/outer/{POD.path}/cri-containerd-1.scope", Cause.CONTAINER_LIMIT),
        ("/kubepods.slice", Cause.NODE_ALLOCATABLE),
        ("/outer.slice", Cause.UNKNOWN),
    ],
)
def test_the_log_states_the_cause(oom_memcg: str | None, cause: Cause) -> None:
    line = Constraint(None, oom_memcg, "/x", 1)
    assert from_log(line, POD, TWO).cause is cause


OTHER_NODES = "/kubepods.slice/kubepods-podx.slice/c.scope"


@pytest.mark.parametrize(
    ("outer", "root", "prefix"),
    [
        ("", "", ""),
        ("/docker/x", "", ""),
        ("/docker/x", "kubelet.slice/", "kubelet-"),
        (OTHER_NODES, "kubelet.slice/", "kubelet-"),
        (OTHER_NODES, "my/own/root/", ""),
    ],
)
def test_the_level_whose_limit_was_hit_is_one_of_the_pods_own(
    outer: str, root: str, prefix: str
) -> None:
    """A nested node's kernel log has outer prefixes, which may be another node's pods."""
    top = f"{root}{prefix}kubepods.slice"
    pod = Cgroup(1, f"{top}/{prefix}kubepods-burstable.slice/kubepods-podx.slice", Level.POD)
    qos = pod.path.rpartition("/")[0]
    expected = {
        f"{outer}/{pod.path}": CauseVerdict(Cause.CONTAINER_LIMIT, Level.POD),
        f"{outer}/{pod.path}/c": CauseVerdict(Cause.CONTAINER_LIMIT),
        f"{outer}/{qos}": QOS,
        f"{outer}/{top}": CauseVerdict(Cause.NODE_ALLOCATABLE),
        outer or "/outer": CauseVerdict(Cause.UNKNOWN),
        f"{outer}/{qos}/kubepods-pody.slice": CauseVerdict(Cause.UNKNOWN),
    }
    for where, verdict in expected.items():
        assert from_log(Constraint(None, where, "/x", 1), pod, TWO) == verdict, where


@pytest.mark.parametrize("name", ["kubepods-podx.slice", "kubepods.slice", "x/kubepods-podx.slice"])
def test_the_name_of_a_cgroup_that_a_container_made_does_not_change_the_cause(name: str) -> None:
    where = f"/{POD.path}/cri-containerd-{'a' * 64}.scope/{name}"
    assert from_log(Constraint(None, where, where, 1), POD, TWO) == CauseVerdict(
        Cause.CONTAINER_LIMIT
    )


def test_limits_rounded_down_to_pages_add_up_to_their_pods_limit() -> None:
    of_500m, of_1g = 499_998_720, 999_997_440
    assert PodLimits(1_000_000_000 // 4096 * 4096, (of_500m, of_500m)).is_sum_of_containers
    assert not PodLimits(of_1g + (1 << 20), (of_500m, of_500m)).is_sum_of_containers
