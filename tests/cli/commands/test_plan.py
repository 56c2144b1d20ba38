import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.offline.test_check import piped
from tests.support.command_line import CommandLine
from tests.support.previews import Manifest, node, policy_manifest, running, with_memory

API = "/apis/oomwarden.io/v1alpha1"
READABLE = {
    "pods", "oompolicies", "clusteroompolicies", "namespaces", "nodes", "oomnodes", "oomlimits",
    "validatingadmissionpolicies",
}  # fmt: skip
AGENT = {
    "apiVersion": "oomwarden.io/v1alpha1", "kind": "OOMNode", "metadata": {"name": "n1"},
    "status": {"memory": {"capacity": "10Gi"}, "conditions": []},
}  # fmt: skip


def written(tmp_path: Path, *manifests: Manifest, name: str = "policy.yaml") -> str:
    path = tmp_path / name
    path.write_text(yaml.safe_dump_all(manifests))
    return str(path)


@pytest.fixture
def cluster(oom: CommandLine) -> CommandLine:
    """Return `kubectl oom` with a pod in its cluster."""
    oom.cluster.resources = set(READABLE)
    oom.cluster.add(running(), node(), AGENT)
    return oom


def test_a_plan_is_a_table_of_workloads_with_a_sum(oom: CommandLine, tmp_path: Path) -> None:
    owner = {"kind": "StatefulSet", "name": "db"}
    pods = [running(f"db-{n}", owner=owner, labels={"app": "db"}) for n in range(3)]
    manifest = policy_manifest(podSelector={"matchLabels": {"app": "db"}})
    objects = written(tmp_path, *pods, running(), node(), name="pods.yaml")
    ran = oom.offline("plan", "-f", written(tmp_path, manifest), "--pods", objects)
    assert (ran.code, ran.err) == (0, "")
    assert [line.split() for line in ran.lines[:2]] == [
        ["WORKLOAD", "PODS", "CONTAINER", "SCORE", "RESULT"],
        ["StatefulSet/db", "3", "app", "~900", "->", "-300", "Change"],
    ]
    assert ran.lines[2:] == [
        "",
        "OOMPolicy shop/p enforces: 3 pods, 3 containers: 3 change",
        "",
        "3 containers: 3 change",
    ]
    assert oom.cluster.requests == [], "nothing is asked of a cluster"


def test_wide_has_a_row_for_each_pod(oom: CommandLine, tmp_path: Path) -> None:
    pods = written(tmp_path, running(), running("api-2"), node(), name="pods.yaml")
    file = written(tmp_path, policy_manifest())
    ran = oom.offline("plan", "-f", file, "--pods", pods, "-o", "wide", "--no-headers")
    assert [line.split() for line in ran.lines[:2]] == [
        [name, "app", "shop/p", "~900", "->", "-300", "n1", "<none>", "OOMPolicy", "shop/p",
         "Change"]
        for name in ("api-1", "api-2")
    ]  # fmt: skip


def test_what_is_refused_and_ineffective_is_explained_once(
    oom: CommandLine, tmp_path: Path
) -> None:
    processes = [{"command": "a", "oomScoreAdj": 1}]
    rules = [
        {"containers": ["app"], "oomScoreOffset": -1500, "memory": {"limit": "3Gi"}},
        {"processes": processes},
    ]
    containers = [with_memory("app", "1Gi"), with_memory("side", "1Gi")]
    pods = [running(f"api-{n}", containers=containers) for n in range(5)]
    objects = written(tmp_path, *pods, node(), name="pods.yaml")
    file = written(tmp_path, policy_manifest(rules=rules))
    ran = oom.offline("plan", "-f", file, "--pods", objects)
    assert ran.lines[0].split() == [
        "WORKLOAD", "PODS", "CONTAINER", "SCORE", "LIMIT", "PROCESSES", "RESULT",
    ]  # fmt: skip
    assert ran.lines[1].split()[3:] == [
        "~900", "->", "~-500", "none", "->", "3Gi", "<none>", "Refused", "(BelowFloor)",
    ]  # fmt: skip
    assert "a 1" in ran.lines[2]
    explained = [line for line in ran.lines if line.startswith(("BelowFloor", "Ineffective"))]
    assert explained[0].startswith(
        "BelowFloor (Pod/api-0 app, Pod/api-1 app, Pod/api-2 app and 2 more): The policy asks for "
    )
    assert len(explained) == 2
    assert ran.lines[-1] == "10 containers: 5 refused, 5 ineffective"


def test_json_has_every_container_with_stable_keys(oom: CommandLine, tmp_path: Path) -> None:
    file, pods = written(tmp_path, policy_manifest()), written(tmp_path, running(), name="p.yaml")
    ran = oom.offline("plan", "-f", file, "--pods", pods, "-o", "json", "--node-memory", "20Gi")
    found = json.loads(ran.out)
    (each,) = found["containers"]
    assert each["before"] == {
        "policy": None, "oomScoreAdj": 950, "estimated": True, "memoryLimit": "2Gi",
        "groupKill": True, "processes": [], "raisedUpTo": None,
    }  # fmt: skip
    assert each["after"]["oomScoreAdj"] == -300
    assert each["policy"] == {"kind": "OOMPolicy", "namespace": "shop", "name": "p"}
    assert found["summary"] == {
        "total": 1, "change": 1, "stay": 0, "refused": 0, "ineffective": 0, "overridden": 0,
        "observed": 0,
    }  # fmt: skip
    assert found["policies"][0]["noEffect"] is None
    again = oom.offline("plan", "-f", file, "--pods", pods, "-o", "yaml", "--node-memory", "20Gi")
    assert yaml.safe_load(again.out) == found


def test_pods_come_from_standard_input_as_a_list_of_the_api_server(
    oom: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = running()
    del pod["kind"], pod["apiVersion"]
    piped(monkeypatch, json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [pod]}))
    ran = oom.offline("plan", "-f", written(tmp_path, policy_manifest()), "--pods", "-")
    assert ran.lines[-1] == "1 container: 1 change"


def test_the_cluster_is_compared_with_the_policies_that_exist(
    cluster: CommandLine, tmp_path: Path
) -> None:
    cluster.cluster.add(policy_manifest("old", rules=[{"oomScoreAdj": -100}]))
    ran = cluster("plan", "-f", written(tmp_path, policy_manifest(priority=5)))
    assert ran.lines[1].split()[-4:] == ["-100", "->", "-300", "Change"]
    assert "Note" not in ran.out
    ran = cluster("plan", "-f", written(tmp_path, policy_manifest("zz")))
    assert ran.lines[1].endswith("Overridden (OOMPolicy shop/old)")
    old = written(tmp_path, policy_manifest("old"))
    ran = cluster("plan", "-f", old, "--delete")
    assert ran.lines[1].split()[-4:] == ["-100", "->", "~900", "Change"]
    assert "OOMPolicy shop/old deleted: 1 pod, 1 container: 1 change" in ran.lines
    ran = cluster("plan", "-f", written(tmp_path, policy_manifest("gone")), "--delete")
    assert "Note: OOMPolicy shop/gone does not exist: there is nothing to delete." in ran.lines


def test_rights_in_the_namespace_are_enough_and_the_others_are_named(
    cluster: CommandLine, tmp_path: Path
) -> None:
    cluster.cluster.forbid(
        f"{API}/clusteroompolicies", "/api/v1/namespaces", "/api/v1/nodes", f"{API}/oomnodes",
        f"{API}/oomlimits", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    )  # fmt: skip
    ran = cluster("plan", "-f", written(tmp_path, policy_manifest()))
    assert ran.code == 0
    assert ran.lines[1].split()[-4:] == ["?", "->", "-300", "Change"]
    notes = [line for line in ran.lines if line.startswith("Note: ")]
    beginnings = (
        "Note: you may not list clusteroompolicies.oomwarden.io: none is assumed to exist.",
        "Note: you may not list namespaces: namespaces are assumed to have no labels but their",
        "Note: you may not list nodes: nodeSelector is assumed to match, and scores of Burstable",
        "Note: you may not list oomnodes.oomwarden.io: every node is assumed to have an agent.",
        "Note: the floor of OOMPolicies is assumed to be -500 (--floor).",
    )
    assert len(notes) == len(beginnings)
    assert all(map(str.startswith, notes, beginnings))


def control(mode: str) -> dict[str, Any]:
    named = {"name": "oomwarden-control", "namespace": "wardens"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"mode": mode}}


@pytest.fixture
def warden(cluster: CommandLine) -> CommandLine:
    """Return `kubectl oom` with an agent that names the namespace of its release."""
    cluster.cluster.add({**AGENT, "status": {"rank": {"namespace": "wardens"}}})
    cluster.cluster.resources |= {"configmaps"}
    return cluster


@pytest.mark.parametrize("mode", ["Pause", "Enforce"])
def test_a_mode_that_enforces_nothing_is_named(
    warden: CommandLine, tmp_path: Path, mode: str
) -> None:
    warden.cluster.add(control(mode))
    ran = warden("plan", "-f", written(tmp_path, policy_manifest()))
    assert ran.lines[1].split()[-1] == "Change"
    note = f"Note: the mode in ConfigMap wardens/oomwarden-control is {mode}: nothing changes until"
    assert (note in ran.out) is (mode == "Pause")


def test_without_the_right_to_see_the_mode_it_is_assumed(
    warden: CommandLine, tmp_path: Path
) -> None:
    warden.cluster.forbid("/api/v1/namespaces/wardens/configmaps/oomwarden-control")
    ran = warden("plan", "-f", written(tmp_path, policy_manifest()))
    assert "the mode is assumed to be Enforce" in " ".join(ran.out.split())


def test_without_the_right_to_list_pods_the_right_is_named(
    cluster: CommandLine, tmp_path: Path
) -> None:
    cluster.cluster.forbid("/api/v1/pods")
    ran = cluster("plan", "-f", written(tmp_path, policy_manifest(namespace=None)))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "error: you may not list pods in all namespaces; ask an administrator for that right; "
        "-n limits the plan to one namespace\n"
    )


def floor_policy(expression: str, name: str = "oomwarden-namespaced-floor") -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"variables": [{"name": "below", "expression": expression}]},
    }


def admission(oom: CommandLine, *policies: dict[str, Any]) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    oom.cluster.answers["GET", path] = 200, {"metadata": {}, "items": list(policies)}


def test_the_floor_is_that_of_the_cluster(cluster: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, policy_manifest())
    admission(cluster, floor_policy("object.rules.filter(rule, rule.oomScoreAdj < -200)"))
    ran = cluster("plan", "-f", file)
    assert ran.err.startswith(
        "error: OOMPolicy shop/p would be refused: spec.rules[0].oomScoreAdj is -300, but policies "
        "of a namespace may not go below -200 in this cluster"
    )
    admission(cluster, floor_policy("", "oomwarden-node-bound"))
    ran = cluster("plan", "-f", file)
    assert ran.lines[1].split()[3:] == ["~900", "Refused", "(BelowFloor)"]
    assert cluster("plan", "-f", file, "--floor", "-997").lines[-1] == "1 container: 1 change"
