from typing import Any

import pytest
from oomwarden.core.policy_preview.plan_report import PlanReport
from oomwarden.core.policy_preview.preview import ContainerPreview, PlanResult

from tests.support.previews import (
    GI,
    node,
    policy_manifest,
    report_on,
    running,
    state_of,
    with_memory,
)

GUARANTEED = {"name": "app", "resources": {"limits": {"memory": "1Gi", "cpu": 1}}}


def only(report: PlanReport) -> ContainerPreview:
    (found,) = report.containers
    return found


def reasons(each: ContainerPreview) -> list[str]:
    return [one.reason for one in each.remarks]


def test_a_score_goes_from_the_kubelets_estimate_to_the_policys() -> None:
    found = only(report_on(state_of(running(), node()), policy_manifest()))
    assert found.result is PlanResult.CHANGE
    assert (found.before.score, found.before.is_estimated, found.before.policy) == (900, True, None)
    assert (found.after.score, found.after.is_estimated) == (-300, False)
    assert str(found.after.policy) == "OOMPolicy/shop/p"


def test_an_offset_is_relative_to_the_estimate() -> None:
    rules = [{"oomScoreOffset": -200}]
    found = only(report_on(state_of(running(), node()), policy_manifest(rules=rules)))
    assert (found.before.score, found.after.score, found.after.is_estimated) == (900, 700, True)


@pytest.mark.parametrize(
    ("parts", "score"),
    [
        ({"containers": [with_memory("app")]}, 1000),
        (
            {"containers": [{"name": "app", "resources": {"limits": {"memory": "1Gi", "cpu": 1}}}]},
            -997,
        ),
        ({"priorityClassName": "system-node-critical"}, -997),
    ],
)
def test_other_qos_classes_do_not_depend_on_the_node(parts: dict[str, Any], score: int) -> None:
    found = only(report_on(state_of(running(**parts)), policy_manifest()))
    assert found.before.score == score


def test_without_the_nodes_memory_a_burstable_score_is_unknown_and_an_offset_refused() -> None:
    state = state_of(running())
    assert only(report_on(state, policy_manifest())).before.score is None
    relative = policy_manifest(rules=[{"oomScoreOffset": -200}])
    found = only(report_on(state, relative))
    assert (found.result, reasons(found), found.after.score) == (
        PlanResult.REFUSED,
        ["NodeUnknown"],
        None,
    )
    assert only(report_on(state_of(running(), capacity=10 * GI), relative)).after.score == 700


def test_a_score_below_the_floor_is_refused_as_the_agent_does() -> None:
    rules = [{"oomScoreOffset": -1500}]
    found = only(report_on(state_of(running(), node()), policy_manifest(rules=rules)))
    assert (found.result, reasons(found), found.after.score) == (
        PlanResult.REFUSED,
        ["BelowFloor"],
        -500,
    )
    everywhere = policy_manifest(namespace=None, rules=rules)
    assert only(report_on(state_of(running(), node()), everywhere)).after.score == -600


def test_process_rules_in_a_group_kill_are_ineffective() -> None:
    processes = [{"command": "a *", "oomScoreAdj": 300}]
    rule = {"oomScoreAdj": -100, "processes": processes}
    found = only(report_on(state_of(running(), node()), policy_manifest(rules=[rule])))
    assert (found.result, reasons(found)) == (PlanResult.INEFFECTIVE, ["Ineffective"])
    single = policy_manifest(rules=[{**rule, "memory": {"groupKill": False}}])
    found = only(report_on(state_of(running(), node()), single))
    assert (found.result, found.after.group_kill) == (PlanResult.CHANGE, False)


def oomnode(writes: str, name: str = "n1") -> dict[str, Any]:
    conditions = [{"type": "CgroupWrites", "status": writes}]
    status = {"conditions": conditions, "memory": {"capacity": "20Gi"}}
    return {"kind": "OOMNode", "metadata": {"name": name}, "status": status}


def test_what_the_nodes_agent_cannot_do_is_refused() -> None:
    manifest = policy_manifest(rules=[{"memory": {"groupKill": False}}])
    off = only(report_on(state_of(running(), oomnode("False")), manifest))
    assert (off.result, reasons(off), off.after.group_kill) == (
        PlanResult.REFUSED,
        ["CgroupWritesOff"],
        True,
    )
    assert off.before.score == 950, "the OOMNode has the node's memory too"
    on = only(report_on(state_of(running(), oomnode("True")), manifest))
    assert (on.result, on.after.group_kill) == (PlanResult.CHANGE, False)


def test_a_node_without_an_agent_is_named() -> None:
    state = state_of(running(), running("b", node="n2"), node("n2"), oomnode("True"))
    first, second = report_on(state, policy_manifest()).containers
    assert (reasons(first), reasons(second)) == ([], ["NoAgent"])
    assert "n2 (it has no OOMNode)" in second.remarks[0].message
    silent = {"kind": "OOMNode", "metadata": {"name": "n1"}}
    assert reasons(only(report_on(state_of(running(), silent), policy_manifest()))) == ["NoAgent"]
    pending = state_of(running(node=None), oomnode("True"), has_agent=False)
    assert reasons(only(report_on(pending, policy_manifest()))) == []


@pytest.mark.parametrize(
    ("pod", "limit", "reason"),
    [
        (running(), "512Mi", "BelowRequest"),
        (running(containers=[with_memory("app")]), "1Gi", "QOSChange"),
        (running(resources={"limits": {"memory": "3Gi"}}), "4Gi", "PodLevelResources"),
    ],
)
def test_a_limit_that_the_api_server_would_refuse_is_refused(
    pod: dict[str, Any], limit: str, reason: str
) -> None:
    manifest = policy_manifest(rules=[{"memory": {"limit": limit}}])
    found = only(report_on(state_of(pod, node()), manifest))
    assert (found.result, reasons(found)) == (PlanResult.REFUSED, [reason])
    assert found.after.limit == found.before.limit


def test_a_lowered_limit_changes_with_a_note() -> None:
    manifest = policy_manifest(rules=[{"memory": {"limit": "1Gi"}}])
    report = report_on(state_of(running(), node()), manifest)
    found = only(report)
    assert (found.result, found.before.limit, found.after.limit) == (PlanResult.CHANGE, 2 * GI, GI)
    assert "BelowUsage" in report.notes[0]


def test_a_policy_that_is_overridden_names_the_winner() -> None:
    boss = policy_manifest("boss", None)
    state = state_of(running(), node(), boss)
    found = only(report_on(state, policy_manifest(priority=9)))
    assert (found.result, str(found.after.policy)) == (
        PlanResult.OVERRIDDEN,
        "ClusterOOMPolicy/boss",
    )


def test_an_observing_policy_shows_what_it_would_do() -> None:
    found = only(report_on(state_of(running(), node()), policy_manifest(mode="Observe")))
    assert (found.result, found.before.score, found.after.score) == (PlanResult.OBSERVED, 900, -300)


def test_deleting_a_policy_puts_back_what_was_there_and_the_next_one_governs() -> None:
    mine, other = policy_manifest(priority=1), policy_manifest("q", rules=[{"oomScoreAdj": 7}])
    state = state_of(running(), node(), mine)
    found = only(report_on(state, mine, deleted=True))
    assert (found.result, found.before.score, found.after.score) == (PlanResult.CHANGE, -300, 900)
    state = state_of(running(), node(), mine, other)
    found = only(report_on(state, mine, deleted=True))
    assert (found.after.score, str(found.after.policy)) == (7, "OOMPolicy/shop/q")


def test_a_limit_that_oomwarden_set_is_put_back() -> None:
    mine = policy_manifest(rules=[{"memory": {"limit": "2Gi"}}])
    kept = {
        "name": "app", "step": "Limit", "before": "1536Mi", "limit": "2Gi",
        "at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    name = running()["metadata"]["uid"]
    record = {"kind": "OOMLimit", "metadata": {"name": name}, "spec": {"containers": [kept]}}
    found = only(report_on(state_of(running(), node(), mine, record), mine, deleted=True))
    assert (found.before.limit, found.after.limit) == (2 * GI, GI + GI // 2)


def test_a_policy_that_no_longer_selects_a_pod_lets_go_of_it() -> None:
    state = state_of(running(), node(), policy_manifest())
    other = policy_manifest(podSelector={"matchLabels": {"app": "db"}})
    found = only(report_on(state, other))
    assert (found.result, found.before.score, found.after.score) == (PlanResult.CHANGE, -300, 900)


def test_ended_pods_and_finished_init_containers_do_not_count() -> None:
    done = running("done")
    done["status"]["phase"] = "Succeeded"
    leaving = running("leaving")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    pod = running(initContainers=[with_memory("init"), {"name": "side", "restartPolicy": "Always"}])
    report = report_on(state_of(pod, done, leaving, node()), policy_manifest())
    assert [each.container for each in report.containers] == ["app", "side"]


def test_labels_of_namespaces_and_nodes_decide_about_cluster_policies() -> None:
    space = {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "a"}}}
    manifest = policy_manifest(
        namespace=None,
        namespaceSelector={"matchLabels": {"team": "a"}},
        nodeSelector={"matchLabels": {"canary": "yes"}},
    )
    pods = (running(), running("b", node="n2"), node(canary="yes"), node("n2"))
    report = report_on(state_of(*pods, space), manifest)
    assert [each.pod.facts.name for each in report.containers] == ["api-1"]
    assert report_on(state_of(*pods), manifest).containers == ()
    unknown = report_on(state_of(running(), space), manifest)
    assert len(unknown.containers) == 1, "an unknown node may match"
