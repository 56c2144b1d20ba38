import pytest
from oomwarden.core.badness.score_origin import ScoreFacts, ScoreOrigin, ScoreSetter, score_origin

GOVERNED = ScoreFacts(980, frozenset({-500, 300}), "OOMPolicy/protect-db", "Burstable")


@pytest.mark.parametrize(
    ("score", "facts", "expected"),
    [
        (980, GOVERNED, ScoreOrigin(ScoreSetter.KUBELET, "Burstable")),
        (-500, GOVERNED, ScoreOrigin(ScoreSetter.POLICY, "OOMPolicy/protect-db")),
        (300, GOVERNED, ScoreOrigin(ScoreSetter.POLICY, "OOMPolicy/protect-db")),
        (990, GOVERNED, ScoreOrigin(ScoreSetter.PROCESS)),
        (-999, GOVERNED, ScoreOrigin(ScoreSetter.RUNTIME, "the process is starting")),
    ],
)
def test_who_has_set_the_score_of_a_governed_container(
    score: int, facts: ScoreFacts, expected: ScoreOrigin
) -> None:
    assert score_origin(score, facts) == expected


def test_the_kubelet_s_reason_is_the_priority_class_of_node_critical_pods() -> None:
    critical = ScoreFacts(-997, qos="Burstable", priority_class="system-node-critical")
    assert score_origin(-997, critical).detail == "node-critical"


def test_a_score_that_a_policy_left_behind_is_named_as_such() -> None:
    left = ScoreFacts(980, frozenset({300}))
    assert score_origin(300, left) == ScoreOrigin(ScoreSetter.POLICY, "an earlier policy")


def test_without_a_baseline_nobody_is_blamed() -> None:
    assert score_origin(5, ScoreFacts()) == ScoreOrigin(ScoreSetter.UNKNOWN)


def test_a_pause_container_has_the_kubelet_s_score() -> None:
    found = score_origin(-998, ScoreFacts(is_sandbox=True))
    assert found == ScoreOrigin(ScoreSetter.KUBELET, "pause container")


def test_outside_of_pods_a_score_is_the_node_s_or_nobody_s() -> None:
    assert score_origin(-999, None) == ScoreOrigin(ScoreSetter.NODE)
    assert score_origin(0, None) == ScoreOrigin(ScoreSetter.DEFAULT)
