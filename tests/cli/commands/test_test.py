"""`kubectl oom test` as a person calls it; what happens in between is tests/cli/kill_test."""

import json
import os
import signal
from typing import Any

import pytest
import yaml
from oomwarden.cli.kill_test.trial import KillTrial
from oomwarden.core.kill_test.sacrifice import CONTAINER

from tests.support.command_line import CommandLine
from tests.support.kill_objects import oomkill

DAEMON_SETS = "/apis/apps/v1/daemonsets"
PODS = "/api/v1/namespaces/shop/pods"
NAME = "oom-test-c0ffee"
LOG = f"{PODS}/{NAME}/log"
EVENTS = "/apis/events.k8s.io/v1/namespaces/shop/events"


@pytest.fixture(autouse=True)
def fixed_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "c0ffee")


def agents() -> dict[str, Any]:
    container = {"image": "registry.example.com/oomwarden:1", "ports": [{"containerPort": 9808}]}
    labels = {"app.kubernetes.io/part-of": "oomwarden", "app.kubernetes.io/component": "agent"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "oomwarden", "labels": labels},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def killed_pod() -> dict[str, Any]:
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-01T10:00:00Z"}
    status = {"name": CONTAINER, "state": {"terminated": ended}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": "shop", "uid": "u1"},
        "spec": {"nodeName": "node-1"},
        "status": {"containerStatuses": [status]},
    }


@pytest.fixture
def cluster(oom: CommandLine) -> CommandLine:
    """A cluster in which the pod is killed as soon as it is created."""
    fake = oom.cluster
    fake.resources |= {"daemonsets", "events"}
    fake.add(agents(), killed_pod())
    fake.answers["POST", PODS] = 201, {"metadata": {"uid": "u1"}}
    fake.answers["GET", LOG] = 200, "1793527199.75\n"
    record = oomkill("rec", limit="32Mi", time={"before": "2026-11-01T10:00:00Z"})
    record["metadata"]["labels"] = {"oomwarden.io/pod-uid": "u1"}
    fake.add(record)
    note = "container sacrifice: python3 (pid 7) killed at its limit 32Mi. Raise it."
    fake.objects[f"{EVENTS}/rec"] = {"reason": "OOMKilled", "note": note}
    return oom


def test_each_step_is_printed_with_its_time_and_the_pod_is_deleted(cluster: CommandLine) -> None:
    ran = cluster("test")
    assert (ran.code, ran.err) == (0, "")
    rows = [line.split()[:2] for line in ran.lines[:7]]
    assert rows == [
        ["created", "ok"],
        ["scheduled", "ok"],
        ["killed", "ok"],
        ["record", "ok"],
        ["event", "ok"],
        ["metric", "skipped"],
        ["clean-up", "ok"],
    ]
    assert "OOMKilled: container sacrifice: python3 (pid 7) killed at its limit 32Mi" in ran.out
    assert "Latency: at most 0.25 s from the kill until the agent found it" in ran.out
    assert "kubectl delete oomkill rec -n shop" in ran.lines[-1]
    assert f"DELETE {PODS}/{NAME}" in cluster.cluster.requests


def test_the_image_is_that_of_the_agents(cluster: CommandLine) -> None:
    cluster("test")
    (pod, _) = cluster.cluster.bodies
    assert pod["spec"]["containers"][0]["image"] == "registry.example.com/oomwarden:1"
    assert "runAsUser" not in pod["spec"]["securityContext"]


def test_json_has_the_verdict_and_the_steps(cluster: CommandLine) -> None:
    ran = cluster("test", "-o", "json")
    found = json.loads(ran.out)
    assert found["passed"] is True
    assert (found["pod"], found["node"], found["record"]) == (NAME, "node-1", "rec")
    assert found["latencySeconds"] == pytest.approx(0.25)
    assert found["steps"][0].keys() == {"name", "outcome", "seconds", "text"}


def test_without_a_record_the_exit_code_is_1_and_the_check_is_named(cluster: CommandLine) -> None:
    del cluster.cluster.objects["/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills/rec"]
    ran = cluster("test", "--timeout", "1s")
    assert ran.code == 1
    assert ran.err == (
        "error: the test failed: no OOMKill of the pod came within 1 s; check the agent on node-1: "
        "kubectl oom doctor\n"
    )
    assert f"DELETE {PODS}/{NAME}" in cluster.cluster.requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_test_and_deletes_the_pod(
    cluster: CommandLine, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(KillTrial, "_look", lambda _: os.kill(os.getpid(), number))
    ran = cluster("test")
    assert ran.code == 130
    assert f"DELETE {PODS}/{NAME}" in cluster.cluster.requests


def test_a_dry_run_prints_the_pod_and_creates_nothing(cluster: CommandLine) -> None:
    ran = cluster("test", "--dry-run", "--node", "node-7")
    pod = yaml.safe_load(ran.out)
    assert pod["metadata"]["name"] == NAME
    assert pod["spec"]["containers"][0]["image"] == "registry.example.com/oomwarden:1"
    assert [each for each in cluster.cluster.requests if not each.startswith("GET")] == []


def test_without_the_right_to_see_agents_an_image_can_be_named(cluster: CommandLine) -> None:
    cluster.cluster.forbid(DAEMON_SETS)
    ran = cluster("test")
    assert ran.code == 1
    assert ran.err == (
        "error: you may not list daemonsets.apps in all namespaces; ask an administrator for that "
        "right, or name an image with python3 by --image\n"
    )
    assert cluster("test", "--image", "python:3").code == 0
    pod = cluster.cluster.bodies[0]
    assert pod["spec"]["containers"][0]["image"] == "python:3"
    assert pod["spec"]["securityContext"]["runAsUser"] == 65532


def test_a_cluster_without_agents_is_named_with_the_remedy(oom: CommandLine) -> None:
    oom.cluster.resources |= {"daemonsets"}
    ran = oom("test")
    assert ran.code == 1
    assert ran.err.startswith("error: no agents of oomwarden run in this cluster")


def test_a_refused_pod_is_said_with_the_reason(cluster: CommandLine) -> None:
    status = {"kind": "Status", "message": "exceeded quota: pods"}
    cluster.cluster.answers["POST", PODS] = 422, status
    ran = cluster("test")
    assert ran.code == 1
    assert "exceeded quota: pods" in ran.err


def test_a_timeout_that_is_no_duration_is_a_usage_error(oom: CommandLine) -> None:
    ran = oom("test", "--timeout", "soon")
    assert ran.code == 2
    assert "--timeout: 'soon' is not a duration" in ran.err
