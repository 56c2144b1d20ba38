"""A kill by the kernel becomes one record and one Event."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from oomwarden.core.model.quantity import parse_bytes

from e2e.log_lines import log_lines
from e2e.plugin import plugin_of_admin
from e2e.workloads import container, hog, pod
from e2e.world import World, eventually

pytestmark = pytest.mark.usefixtures("release")


@pytest.mark.smoke
def test_a_container_over_its_limit_gets_one_record_and_one_event(
    world: World, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "greedy", hog(image), container("calm", image, "sleep", "1000")))
    (kill,) = eventually(lambda: world.kills(namespace, "greedy"), 90)
    assert (kill["container"]["name"], kill["container"]["type"]) == ("app", "App")
    assert (kill["cause"], kill["limit"], kill["kills"]) == ("ContainerLimit", "32Mi", 1)
    assert [victim["command"] for victim in kill["victims"]] == ["hog"]
    assert kill["groupKill"] is True
    (event,) = eventually(lambda: world.oom_events(namespace, "greedy"), 30)
    assert event["metadata"]["name"] == kill["metadata"]["name"]
    assert event["regarding"]["fieldPath"] == "spec.containers{app}"
    assert event["note"].startswith("container app: hog (pid ")
    assert "at its limit 32Mi" in event["note"]
    log_has_the_kill(world, kill, event["note"])


def log_has_the_kill(world: World, kill: dict[str, Any], note: str) -> None:
    """The agent's log has one line of the kill; all lines of agent and operator are JSON."""
    lines = log_lines(world, "ds/oomwarden-agent")
    namespace = kill["metadata"]["namespace"]
    (line,) = [each for each in lines if each.get("namespace") == namespace]
    assert line["message"] == f"pod {namespace}/greedy, {note}"
    assert (line["kind"], line["reason"], line["level"]) == ("OOMKill", "OOMKilled", "warning")
    assert (line["pod"], line["container"], line["victim"]) == ("greedy", "app", "hog")
    assert (line["kills"], line["limitBytes"], line["cause"]) == (1, 32 << 20, "ContainerLimit")
    assert line["oomkill"]["evidence"] == kill["evidence"]
    assert line["time"] < kill["metadata"]["creationTimestamp"].replace("Z", ".999999Z")
    assert log_lines(world, "deploy/oomwarden-operator")[0]["logger"].startswith("oomwarden.")


def test_why_names_the_limit_of_a_deployment_and_its_patch_lets_the_pod_live(
    world: World, namespace: str, tmp_path: Path
) -> None:
    app = container("app", world.cluster.busybox_image, "hog", "34", limit="32Mi")
    pods = {"containers": [app], "terminationGracePeriodSeconds": 0}
    template = {"metadata": {"labels": {"app": "tight"}}, "spec": pods}
    spec = {"selector": {"matchLabels": {"app": "tight"}}, "template": template}
    metadata = {"name": "tight", "namespace": namespace}
    world.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    eventually(lambda: world.kills(namespace), 90)
    admin = plugin_of_admin(world, tmp_path)
    explained = admin.oom("why", "deployment/tight", "-n", namespace)
    assert explained.code == 0, explained.err
    assert "hog (pid " in explained.out
    assert "32Mi, the memory limit of container app" in explained.out
    assert "spec.template.spec.containers[app].resources.limits.memory" in explained.out
    (command,) = [line for line in explained.out.splitlines() if line.startswith("  kubectl ")]
    assert admin.shell(command).code == 0

    def lives() -> bool:
        """A pod with the new limit runs, and is the only one."""
        pods = world.core.list_namespaced_pod(namespace).items
        limits = {pod.spec.containers[0].resources.limits["memory"] for pod in pods}
        statuses = [status for pod in pods for status in pod.status.container_statuses or ()]
        return limits == {"40Mi"} and all(each.ready for each in statuses) and len(pods) == 1

    eventually(lives, 120)


def test_the_ranges_of_a_crash_loop_are_contiguous(world: World, namespace: str) -> None:
    world.apply(pod(namespace, "loop", hog(world.cluster.busybox_image), restart="Always"))

    def joined() -> list[dict[str, Any]]:
        """At least two records exist, and their ranges are contiguous from the first kill on."""
        kills = world.kills(namespace)
        spans = sorted((kill["evidence"]["from"], kill["evidence"]["to"]) for kill in kills)
        whole = all(first[1] == second[0] for first, second in pairwise([(0, 0), *spans]))
        return kills if len(kills) > 1 and whole else []

    kills = eventually(joined, 120)
    assert {kill["container"]["name"] for kill in kills} == {"app"}


def test_a_kill_in_an_init_container_is_recorded_as_such(world: World, namespace: str) -> None:
    image = world.cluster.busybox_image
    manifest = pod(namespace, "early", container("calm", image, "sleep", "1000"))
    manifest["spec"]["initContainers"] = [hog(image, "setup")]
    world.apply(manifest)
    (kill,) = eventually(lambda: world.kills(namespace, "early"), 90)
    assert (kill["container"]["name"], kill["container"]["type"]) == ("setup", "Init")


def test_a_kill_by_tmpfs_at_the_pods_limit_is_reported_with_what_frees_the_memory(
    world: World, namespace: str
) -> None:
    image = world.cluster.busybox_image
    fill = container("app", image, "dd", "if=/dev/zero", "of=/scratch/x", "bs=1M", "count=200")
    fill["volumeMounts"] = [{"name": "scratch", "mountPath": "/scratch"}]
    manifest = pod(namespace, "full", fill, restart="Always")
    manifest["spec"]["resources"] = {"limits": {"memory": "48Mi"}}
    manifest["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {"medium": "Memory"}}]
    world.apply(manifest)
    kills = eventually(lambda: world.kills(namespace, "full"), 90)
    kill = min(kills, key=lambda each: int(each["evidence"]["from"]))  # there may be later ones
    assert (kill["cause"], kill["limit"]) == ("PodLimit", "48Mi")
    assert parse_bytes(kill["podMemory"]["shmem"]) > 24 << 20
    (event,) = eventually(lambda: oom_event_of(world, kill), 30)
    assert "at the pod's limit 48Mi" in event["note"]
    assert "restarting the container does not free tmpfs" in event["note"]
    again = eventually(lambda: start_failure_notes(world, namespace, "full"), 90)
    assert "Raise its memory limit" not in again[0]


def oom_event_of(world: World, kill: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the Event with the name of a record."""
    names = kill["metadata"]["namespace"], kill["metadata"]["name"]
    events = world.oom_events(names[0], kill["pod"]["name"])
    return [each for each in events if each["metadata"]["name"] == names[1]]


def start_failure_notes(world: World, namespace: str, name: str) -> list[str]:
    """Return the notes of Events about kills before the program started."""
    notes = [event["note"] for event in world.oom_events(namespace, name)]
    return [note for note in notes if "Its program had not started" in note]


def test_an_ephemeral_container_is_killed_at_the_sum_of_the_others_limits(
    world: World, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "host", container("app", image, "sleep", "1000", limit="40Mi")))
    world.wait_until_running(namespace, "host")
    world.cluster.kubectl(
        "debug", "-n", namespace, "host", "--image", image, "--container", "probe",
        "--profile=general", "--image-pull-policy=IfNotPresent", "--", "hog", "200",
    )  # fmt: skip
    (kill,) = eventually(lambda: world.kills(namespace, "host"), 90)
    assert (kill["container"]["name"], kill["container"]["type"]) == ("probe", "Ephemeral")
    assert (kill["cause"], kill["limit"]) == ("PodLimit", "40Mi")
    (event,) = eventually(lambda: world.oom_events(namespace, "host"), 30)
    assert "this is the sum of its containers' limits (app 40Mi)" in event["note"]


def test_a_record_is_immutable(world: World, namespace: str) -> None:
    world.apply(pod(namespace, "greedy", hog(world.cluster.busybox_image)))
    (kill,) = eventually(lambda: world.kills(namespace), 90)
    refusal = world.patch_refusal(kill, {"kills": 7})
    assert "kills is a fact of the record and cannot be changed" in refusal
