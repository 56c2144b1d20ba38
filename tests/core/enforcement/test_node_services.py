"""Which services of the node die before a container, and whether that is our doing."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.enforcement.node_services import (
    NodeService,
    NodeServices,
    badness,
    outranked,
    warning,
)

GIB, MIB = 1 << 30, 1 << 20
TOTAL = 16 * GIB
JOURNAL = NodeService("systemd-journald.service", 0, 40 * MIB)
KUBELET = NodeService("kubelet.service", -999, 100 * MIB)
NODE = NodeServices((JOURNAL, KUBELET), TOTAL)


def test_a_pod_at_minus_997_outranks_a_daemon_at_0_and_not_one_at_minus_999() -> None:
    assert outranked(NODE, -997, 899, 512 * MIB) == (JOURNAL,)


def test_what_the_kubelet_gave_is_not_our_doing() -> None:
    assert outranked(NODE, -997, -997, 512 * MIB) == ()
    assert outranked(NODE, -996, -997, 512 * MIB) == ()
    assert outranked(NODE, -997, -990, 512 * MIB) == ()  # it outranked the daemon before, too


def test_a_pod_that_may_grow_large_dies_first_at_a_score_that_protects_a_small_one() -> None:
    assert outranked(NODE, -100, 899, 512 * MIB) == (JOURNAL,)
    assert outranked(NODE, -100, 899, 8 * GIB) == ()
    assert outranked(NODE, -100, 899, None) == ()


def test_the_warning_names_the_services_their_scores_and_the_drop_in() -> None:
    many = [NodeService(f"s{number}.service", 0, 1) for number in range(7)]
    told = warning(-997, many)
    assert told.reason == "OutranksNode"
    assert "s0.service (0)" in told.message
    assert "and 2 more" in told.message
    assert "/etc/systemd/system/s0.service.d/oom.conf" in told.message
    assert "OOMScoreAdjust=-999" in told.message


SCORES = st.integers(-999, 1000)
MEMORY = st.integers(0, 2 * TOTAL)


@given(score=SCORES, before=SCORES | st.none(), limit=MEMORY | st.none(), own=SCORES, held=MEMORY)
def test_only_services_that_die_first_whatever_the_container_holds_are_named(
    score: int, before: int | None, limit: int | None, own: int, held: int
) -> None:
    daemon = NodeService("a.service", own, held)
    most = TOTAL if limit is None else min(limit, TOTAL)
    for found in outranked(NodeServices((daemon,), TOTAL), score, before, limit):
        assert badness(most, score, TOTAL) < badness(found.memory, found.score, TOTAL)
        assert before is None or score < before


@given(score=SCORES, lower=st.integers(0, 100), own=SCORES, held=MEMORY)
def test_a_lower_score_never_outranks_fewer(score: int, lower: int, own: int, held: int) -> None:
    node = NodeServices((NodeService("a.service", own, held),), TOTAL)
    if outranked(node, score, 1000, GIB):
        assert outranked(node, score - lower, 1000, GIB)
