from typing import Any

from oomwarden.core.policy_preview.manifests import Manifests
from oomwarden.core.policy_preview.preview import PlanResult

from tests.support.previews import (
    node,
    policy_manifest,
    report_on,
    running,
    state_of,
    with_memory,
)

OWNER = {"kind": "ReplicaSet", "name": "api-7d9f"}
LABELS = {"app": "api", "pod-template-hash": "7d9f"}


def test_replicas_are_one_row_with_the_range_of_their_scores() -> None:
    pods = [running(f"api-{n}", labels=LABELS, owner=OWNER, node=f"n{n % 2}") for n in range(1000)]
    state = state_of(*pods, node("n0", "10Gi"), node("n1", "20Gi"))
    report = report_on(state, policy_manifest())
    (row,) = report.workloads
    assert (row.namespace, row.workload, len(row.containers)) == ("shop", "Deployment/api", 1000)
    assert {each.before.score for each in row.containers} == {900, 950}
    assert report.results == {PlanResult.CHANGE: 1000}


def test_each_policy_is_summed_up() -> None:
    state = state_of(running(), running("db", labels={"app": "db"}), node())
    one, other = report_on(
        state, policy_manifest(), policy_manifest("q", mode="Observe", priority=9)
    ).policies
    assert (one.pods, one.results, one.nothing, one.observes) == (
        1,
        {PlanResult.CHANGE: 1},
        "",
        False,
    )
    assert (other.results, other.observes) == ({PlanResult.OBSERVED: 1}, True)


def nothing(manifest: dict[str, object], *objects: dict[str, object]) -> str:
    (summary,) = report_on(state_of(*objects), manifest).policies
    return summary.nothing


def test_a_policy_without_effect_names_what_the_closest_pod_lacks() -> None:
    pods = (running(), running("db-0", labels={"app": "db", "tier": "x"}), node())
    selector = {"matchLabels": {"app": "api", "tier": "web"}}
    assert nothing(policy_manifest(podSelector=selector), *pods) == (
        "it selects none of 2 pods in namespace shop; closest is shop/api-1: "
        "its label tier is missing"
    )
    narrow: dict[str, object] = {
        "matchLabels": {"app": "dbb"},
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["y", "z"]}],
    }
    found = nothing(policy_manifest(podSelector=narrow), pods[1])
    assert found == (
        "it selects none of the only pod in namespace shop; closest is shop/db-0: its label app is "
        "'db', not 'dbb' and its label tier is 'x', but In y, z is asked for"
    )
    assert "its PriorityClass is not set" in nothing(
        policy_manifest(priorityClassNames=["high"]), *pods
    )
    assert "its QoS class is Burstable" in nothing(
        policy_manifest(qosClasses=["BestEffort"]), *pods
    )


def test_a_cluster_policy_names_namespaces_and_nodes() -> None:
    selector = {"matchLabels": {"team": "a"}}
    found = nothing(policy_manifest(namespace=None, namespaceSelector=selector), running(), node())
    assert found.endswith("closest is shop/api-1: its namespace's label team is missing")
    by_node = policy_manifest(namespace=None, nodeSelector={"matchLabels": {"zone": "a"}})
    found = nothing(by_node, running(), node(zone="b"))
    assert found.endswith("its node's label zone is 'b', not 'a'")


def test_rules_without_a_container_and_empty_namespaces_are_named() -> None:
    rules = [{"containers": ["web"], "oomScoreAdj": 5}]
    containers = [with_memory(f"c{n}") for n in range(7)]
    found = nothing(policy_manifest(rules=rules), running(containers=containers))
    assert found == "no rule matches a container of its pods: c0, c1, c2, c3, c4 and 2 more"
    assert nothing(policy_manifest(namespace="bank"), running()) == (
        "there are no running pods in namespace bank"
    )


def test_templates_of_workloads_stand_for_their_pods() -> None:
    template = {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [{"name": "app"}]}}
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"template": template},
    }
    cron = {
        "kind": "CronJob",
        "metadata": {"name": "nightly"},
        "spec": {"jobTemplate": {"spec": {"template": template}}},
    }
    report = report_on(state_of(deployment, cron), policy_manifest())
    assert [each.workload for each in report.workloads] == ["CronJob/nightly", "Deployment/api"]


def test_objects_that_cannot_be_read_are_left_out_and_named() -> None:
    objects = Manifests()
    bad: list[dict[str, Any]] = [
        {"kind": "Pod", "metadata": {"namespace": "shop"}},
        {"kind": "Pod", "metadata": None, "spec": 5},
        {"kind": "Pod", "metadata": {"name": "odd", "labels": [1]}, "spec": {"containers": "x"}},
        {"kind": "OOMPolicy", "metadata": {"name": "x"}, "spec": {"rules": 7}},
        {"kind": "OOMPolicy", "metadata": {}},
    ]
    objects.add([*bad, running()])
    assert [each.facts.name for each in objects.pods("shop")] == ["odd", "api-1"]
    assert objects.policies("shop") == ()
    assert len(objects.notes()) == 4
    assert all(each.startswith("not readable, and left out: ") for each in objects.notes())
    objects.add([{"kind": "Pod", "metadata": {"namespace": f"n{n}"}} for n in range(9)])
    objects.pods("shop")
    assert "more objects are not readable" in objects.notes()[-1]
