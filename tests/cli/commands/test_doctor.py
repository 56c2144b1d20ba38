import json
from typing import Any

import pytest
from oomwarden.core.quota.pressure import Pressure, PressureLevel

from tests.support.command_line import CommandLine
from tests.support.node_objects import ago, condition, node, oomnode
from tests.support.release_objects import (
    NAMESPACE,
    REVIEWS,
    admission,
    agent_pod,
    answer_reviews,
    config_map,
    install,
    pressure,
    schemas,
    workload,
)

OPENAPI = ("GET", "/openapi/v3/apis/oomwarden.io/v1alpha1")
CRASH: dict[str, Any] = {
    "containerStatuses": [
        {
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
        }
    ]
}


@pytest.fixture(autouse=True)
def release(oom: CommandLine) -> None:
    install(oom.cluster)


def bad(oom: CommandLine, *arguments: str) -> dict[str, str]:
    """Return the checks that are not ok: result, message and remedy by name."""
    ran = oom("doctor", "-o", "json", *arguments)
    found = json.loads(ran.out)
    assert ran.code == (1 if found["summary"]["fail"] else 0)
    return {
        each["name"]: f"{each['result']}: {each['message']} -> {each['remedy']}"
        for each in found["checks"]
        if each["result"] != "ok"
    }


def test_a_healthy_release_is_ok_with_a_line_for_each_check(oom: CommandLine) -> None:
    ran = oom("doctor")
    assert ran.code == 0
    assert ran.lines[-1] == "18 checks: 18 ok."
    assert [line for line in ran.lines if line.isupper()] == [
        "INSTALLATION",
        "NODES",
        "YOUR RIGHTS",
    ]
    assert "ok    node-1: agent ready, version 0.1.0 wrote " in ran.out


def test_an_unreachable_or_old_api_server_fails(oom: CommandLine) -> None:
    oom.cluster.answers["GET", "/version"] = 200, {"gitVersion": "v1.32.9"}
    assert bad(oom)["API server"].startswith("fail: Kubernetes v1.32.9 is older than 1.33")
    oom.cluster.answers["GET", "/version"] = 500, {"kind": "Status", "message": "broken"}
    assert list(bad(oom)) == ["API server"]


def test_crds_that_are_missing_older_or_newer_are_distinguished(oom: CommandLine) -> None:
    served = schemas()["components"]["schemas"]
    status = served["OOMNode"]["properties"]["status"]["properties"]
    newer = status | {"future": {"type": "string"}}
    status.pop("outranked")
    oom.cluster.answers[OPENAPI] = 200, {"components": {"schemas": served}}
    assert "older than this command: they have no OOMNode.status.outranked" in bad(oom)["CRDs"]
    served["OOMNode"]["properties"]["status"]["properties"] = newer
    assert "newer than this command, which ignores OOMNode.status.future" in bad(oom)["CRDs"]
    del served["OOMLimit"]
    assert bad(oom)["CRDs"].startswith("fail: the API server has no OOMLimit")
    oom.cluster.answers["GET", "/openapi/v3"] = 200, {"paths": {}}
    assert "has none of its kinds" in bad(oom)["CRDs"]


def test_an_admission_policy_that_is_missing_or_not_bound_fails(oom: CommandLine) -> None:
    policy, binding = admission("node-bound")
    oom.cluster.add(binding | {"spec": binding["spec"] | {"validationActions": ["Audit"]}})
    assert "not in force" in bad(oom)["Admission policies"]
    folder = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    del oom.cluster.objects[f"{folder}/{policy['metadata']['name']}"]
    assert bad(oom)["Admission policies"].startswith("fail: missing: node-bound")


def test_the_state_of_the_operator_is_explained_by_its_pod(oom: CommandLine) -> None:
    oom.cluster.add(workload("Deployment", "operator") | {"status": {}})
    pod = agent_pod("x", "False", **CRASH)
    pod["metadata"] |= {"name": "operator-1", "labels": {"component": "operator"}}
    oom.cluster.add(pod)
    assert "CrashLoopBackOff, last OOMKilled with exit code 137" in bad(oom)["Operator"]


@pytest.mark.parametrize(
    ("mode", "found"),
    [("Pause", "warn: Pause"), ("Release", "warn: Release"), ("enforce", "fail: 'enforce' is no")],
)
def test_another_mode_than_enforce_names_the_command(
    oom: CommandLine, mode: str, found: str
) -> None:
    oom.cluster.add(config_map("oomwarden-control", mode=mode))
    assert bad(oom)["Mode"].startswith(found)
    assert """-p '{"data":{"mode":"Enforce"}}'""" in bad(oom)["Mode"]


def test_a_missing_mode_fails(oom: CommandLine) -> None:
    del oom.cluster.objects[f"/api/v1/namespaces/{NAMESPACE}/configmaps/oomwarden-control"]
    assert "--from-literal=mode=Enforce" in bad(oom)["Mode"]


def test_records_that_are_merged_harder_are_a_warning(oom: CommandLine) -> None:
    level = Pressure(namespaces={"shop": PressureLevel.HIGH})
    oom.cluster.add(pressure(level, skipped="OOMKill shop/x: no node"))
    assert "merge them harder: shop" in bad(oom)["Records"]
    assert "OOMKill shop/x" in bad(oom)["Objects"]
    oom.cluster.add(pressure(at=ago(3600)))
    assert "last published" in bad(oom)["Records"]


def test_policies_that_are_refused_or_late_are_named(oom: CommandLine) -> None:
    policy = {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMPolicy",
        "metadata": {"name": "protect", "namespace": "shop"},
        "status": {"conditions": [condition("Ready")]},
    }
    oom.cluster.add(policy)
    assert "not yet in force on all nodes: OOMPolicy shop/protect" in bad(oom)["Policies"]
    oom.cluster.add(policy | {"status": {"refused": 3}})
    assert "OOMPolicy shop/protect (3)" in bad(oom)["Policies"]


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        ([agent_pod(ready="False", **CRASH)], "fail: its agent agent-node-1 is not ready: Crash"),
        ([oomnode(heartbeat=ago(1200))], "fail: its agent is silent since"),
        ([oomnode() | {"status": {}}], "fail: its agent has never reported"),
        ([oomnode("node-1", condition("CgroupV2", "NotFound", "boot it so"))], "fail: CgroupV2 is"),
        ([oomnode("node-1", condition("KernelLog", "NotReadable", "so"))], "warn: KernelLog is"),
    ],
)
def test_what_is_wrong_with_a_node_is_found(
    oom: CommandLine, objects: list[dict[str, str]], found: str
) -> None:
    oom.cluster.add(*objects)
    assert bad(oom)["node-1"].startswith(found)


def test_an_agent_of_another_version_is_a_warning(oom: CommandLine) -> None:
    report = oomnode()
    report["status"]["agent"]["version"] = "0.0.9"
    oom.cluster.add(report)
    assert "version 0.0.9, and the release 0.1.0" in bad(oom)["node-1"]


def test_a_node_without_an_agent_names_the_taint_and_the_toleration(oom: CommandLine) -> None:
    taint = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    oom.cluster.add(node("node-2", taints=[taint]), node("node-3"))
    assert bad(oom)["node-2"] == (
        "fail: it has no agent: the agents do not tolerate its taint dedicated=gpu:NoSchedule -> "
        "add {key: dedicated, operator: Exists, effect: NoSchedule} to agent.tolerations of the "
        "chart"
    )
    assert "nothing excludes it" in bad(oom)["node-3"]


def test_nodes_with_which_all_is_well_are_summed_up(oom: CommandLine) -> None:
    for number in range(2, 15):
        name = f"node-{number}"
        oom.cluster.add(node(name), oomnode(name), agent_pod(name))
    assert "ok    4 more nodes" in oom("doctor").lines


def test_missing_rights_are_named_for_each_command(oom: CommandLine) -> None:
    oom.cluster.answers["POST", REVIEWS] = answer_reviews(lambda each: "namespace" in each)
    remedy = "oomnodes.oomwarden.io -> ask an administrator for it"
    assert bad(oom, "-n", "shop") == {
        "kubectl oom nodes": f"warn: you may not list {remedy}",
        "kubectl oom rank": f"warn: you may not get {remedy}",
    }


def test_with_few_rights_checks_are_skipped_and_name_what_they_need(oom: CommandLine) -> None:
    oom.cluster.forbid(
        "/apis/apps/v1/daemonsets", "/api/v1/nodes", "/apis/oomwarden.io/v1alpha1/oomnodes",
        "/apis/oomwarden.io/v1alpha1/clusteroompolicies",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    )  # fmt: skip
    found = bad(oom)
    assert {each.partition(":")[0] for each in found.values()} == {"skip"}
    assert found["Release"].startswith("skip: you may not list daemonsets.apps in all namespaces")
    assert oom("doctor").code == 0


def test_a_release_namespace_needs_no_rights_beyond_it(oom: CommandLine) -> None:
    oom.cluster.forbid("/apis/apps/v1/daemonsets", f"/api/v1/namespaces/{NAMESPACE}")
    found = bad(oom, "--release-namespace", NAMESPACE)
    assert set(found) == {"Pod Security"}
    assert "no release of oomwarden" in bad(oom, "--release-namespace", "other")["Release"]


def test_a_namespace_that_does_not_admit_the_agents_fails(oom: CommandLine) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": NAMESPACE, "labels": labels}
    oom.cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    assert "enforce=privileged" in bad(oom)["Pod Security"]


def test_a_cluster_without_a_release_fails_with_the_command_that_installs_it(
    oom: CommandLine,
) -> None:
    oom.cluster.objects.clear()
    assert "helm install oomwarden" in bad(oom)["Release"]


def test_wide_is_a_wrong_command_line(oom: CommandLine) -> None:
    assert oom("doctor", "-o", "wide").code == 2
