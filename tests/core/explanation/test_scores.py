import pytest
from oomwarden.core.explanation.explain import explain
from oomwarden.core.explanation.scores import scores
from oomwarden.core.history.kill_record import read_record

from tests.support.facts import facts
from tests.support.kill_objects import oomkill
from tests.support.workload_objects import container, pod

POLICY = {"kind": "OOMPolicy", "name": "p"}


@pytest.mark.parametrize(
    ("qos", "score", "words"),
    [
        ("Burstable", 992, "the kubelet's value for Burstable pods"),
        ("BestEffort", 1000, "the kubelet's value for BestEffort pods, which are killed first"),
        ("Guaranteed", -997, "the kubelet's value for Guaranteed pods, which are killed last"),
        ("Guaranteed", 5, "not the kubelet's value for Guaranteed pods"),
    ],
)
def test_a_score_is_explained_by_the_qos_class(qos: str, score: int, words: str) -> None:
    kill = oomkill(victims=[{"pid": 1, "oomScoreAdj": score}])
    found = scores(facts(of=kill, pod=pod(status={"qosClass": qos})))
    assert found[0].startswith(f"oom_score_adj {score}: {words}")
    assert found[-1] == "No policy governed the container."


def test_the_share_of_the_request_is_shown_where_it_explains_the_score() -> None:
    asks = container(resources={"requests": {"memory": "1Gi"}})
    kill = oomkill(victims=[{"pid": 1, "oomScoreAdj": 938}])
    found = scores(facts(of=kill, pod=pod(asks), node_memory=16 << 30))
    assert found[0].endswith("as its request is 6.2 % of the node's memory.")


def test_a_policy_is_shown_with_what_it_says_and_what_has_no_effect() -> None:
    rule = {"containers": ["a*"], "oomScoreAdj": -500, "processes": [{"command": "x"}]}
    policy = {"spec": {"rules": [{"containers": ["z"]}, rule]}}
    found = scores(facts(of=oomkill(policy=POLICY), policy=policy))
    assert found[0].endswith(", not what OOMPolicy p asks for now.")
    assert found[2] == "OOMPolicy p governs the container: oomScoreAdj -500, process rules 1."
    assert "set memory.groupKill: false" in found[3]
    same = oomkill(policy=POLICY, victims=[{"oomScoreAdj": -500}], groupKill=False)
    found = scores(facts(of=same, policy=policy))
    assert found[0] == "oom_score_adj -500: OOMPolicy p asks for it."
    assert "groupKill" not in " ".join(found)


def test_a_policy_that_is_gone_or_unreadable_is_said_to_be() -> None:
    gone = scores(facts(of=oomkill(policy=POLICY), is_policy_gone=True))
    assert gone[-1] == "OOMPolicy p governed the container; it no longer exists."
    unread = scores(facts(of=oomkill(policy=POLICY)))
    assert unread[-1] == "OOMPolicy p governed the container; its rules cannot be read."


def test_the_story_says_how_often_and_that_limits_rose() -> None:
    others = [
        read_record(oomkill(f"r{day}", time={"before": f"2026-10-{day}T10:00:00Z"}, limit=limit))
        for day, limit in ((29, "128Mi"), (31, "256Mi"))
    ]
    story = explain(facts(others=others))
    assert story.recurrence == (
        "Deployment api was killed twice before: 1 in 24 h, 2 in 7 days, the first at 2026-10-29 "
        "10:00 UTC. Its limit rose: 128Mi -> 256Mi -> 512Mi."
    )
    assert story.subject.workload == "Deployment/api"
    alone = explain(facts()).recurrence
    assert alone == "No earlier kill of this container of Deployment api is on record."
