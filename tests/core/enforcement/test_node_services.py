"""Which services of the node are killed before a container because of a policy's score."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.enforcement.node_services import (
    NodeService,
    NodeServices,
    badness,
    outranked_services,
    outranks_node,
)

GIB, MIB = 1 << 30, 1 << 20
TOTAL = 16 * GIB
JOURNAL = NodeService("systemd-journald.service", 0, 40 * MIB)
KUBELET = NodeService("kubelet.service", -999, 100 * MIB)
NODE = NodeServices((JOURNAL, KUBELET), TOTAL)


def test_a_pod_at_minus_997_outranks_a_daemon_at_0_and_not_one_at_minus_999() -> None:
    assert outranked_services(NODE, -997, 899, 512 * MIB) == (JOURNAL,)


def test_a_service_that_the_kubelets_score_outranks_is_not_reported() -> None:
    assert outranked_services(NODE, -997, -997, 512 * MIB) == ()
    assert outranked_services(NODE, -996, -997, 512 * MIB) == ()
    assert (
        outranked_services(NODE, -997, -990, 512 * MIB) == ()
    )  # it outranked the service before, too


def test_a_large_pod_is_killed_first_at_a_score_that_protects_a_small_one() -> None:
    assert outranked_services(NODE, -100, 899, 512 * MIB) == (JOURNAL,)
    assert outranked_services(NODE, -100, 899, 8 * GIB) == ()
    assert outranked_services(NODE, -100, 899, None) == ()


def test_the_warning_names_the_services_their_scores_and_the_drop_in() -> None:
    many = [NodeService(f"s{number}.service", 0, 1) for number in range(7)]
    reported = outranks_node(-997, many)
    assert reported.reason == "OutranksNode"
    assert "s0.service (0)" in reported.message
    assert "and 2 more" in reported.message
    assert "/etc/systemd/system/s0.service.d/oom.conf" in reported.message
    assert "OOMScoreAdjust=-999" in reported.message


SCORES = st.integers(-999, 1000)
MEMORY = st.integers(0, 2 * TOTAL)


@given(score=SCORES, before=SCORES | st.none(), limit=MEMORY | st.none(), own=SCORES, cached=MEMORY)
def test_only_services_that_are_killed_first_at_any_usage_are_named(
    score: int, before: int | None, limit: int | None, own: int, cached: int
) -> None:
    service = NodeService("a.service", own, cached)
    most = TOTAL if limit is None else min(limit, TOTAL)
    for found in outranked_services(NodeServices((service,), TOTAL), score, before, limit):
        assert badness(most, score, TOTAL) < badness(found.memory, found.score, TOTAL)
        assert before is None or score < before


@given(score=SCORES, lower=st.integers(0, 100), own=SCORES, cached=MEMORY)
def test_a_lower_score_never_outranks_fewer_services(
    score: int, lower: int, own: int, cached: int
) -> None:
    node = NodeServices((NodeService("a.service", own, cached),), TOTAL)
    if outranked_services(node, score, 1000, GIB):
        assert outranked_services(node, score - lower, 1000, GIB)
