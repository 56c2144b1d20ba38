"""Processes have a policy's score while the policy exists, and their own score afterwards."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from e2e.conditions import ready
from e2e.examples import applied_cluster_policy, example
from e2e.plugin import Plugin, plugin_of_admin
from e2e.workloads import container, family, pod, policy
from e2e.world import Release, World, eventually

RULE = {"containers": ["app"], "oomScoreAdj": -500}


def test_a_score_applies_to_running_and_new_containers_until_the_policy_is_deleted(
    world: World, release: Release, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "old", family(image), app="checkout"))
    world.wait_until_running(namespace, "old")
    (before,) = set(world.scores(namespace, "old", "app").values())
    world.apply(example("protect-a-service", namespace, name="protect"))
    world.apply(pod(namespace, "new", family(image), app="checkout"))
    world.wait_until_running(namespace, "new")
    for name in ("old", "new"):
        eventually(partial(world.all_have_score, namespace, name, -500))
        assert len(world.scores(namespace, name, "app")) >= 3
    status = eventually(lambda: ready(world, namespace, "protect", enforced=2), 60)
    assert status["observedGeneration"] == 1
    world.delete_policy(namespace, "protect")
    for name in ("old", "new"):
        eventually(partial(world.all_have_score, namespace, name, before))


def test_an_offset_is_relative_to_the_score_that_the_kubelet_set(
    world: World, release: Release, namespace: str
) -> None:
    """Even if a ClusterOOMPolicy, which it overrides, had set another score before."""
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "web", family(image), app="web", tier="batch"))
    world.wait_until_running(namespace, "web")
    (before,) = set(world.scores(namespace, "web", "app").values())
    with applied_cluster_policy(world, example("batch-first", namespace)):
        eventually(lambda: world.all_have_score(namespace, "web", 1000))
        world.apply(policy(namespace, "lower", {"app": "web"}, {"oomScoreOffset": -200}))
        assert eventually(lambda: world.all_have_score(namespace, "web", before - 200))


def test_a_process_started_by_exec_gets_the_score(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(policy(namespace, "protect", {"app": "db"}, RULE))
    world.apply(pod(namespace, "db", family(world.cluster.busybox_image), app="db"))
    world.wait_until_running(namespace, "db")
    eventually(lambda: world.all_have_score(namespace, "db", -500))
    before = len(world.scores(namespace, "db", "app"))
    with world.exec_in_background(namespace, "db", "app", "sleep", "100000"):
        eventually(lambda: len(world.scores(namespace, "db", "app")) > before)
        assert eventually(lambda: world.all_have_score(namespace, "db", -500), 30)


def test_observe_reports_and_changes_nothing(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(pod(namespace, "web", family(world.cluster.busybox_image), app="checkout"))
    world.wait_until_running(namespace, "web")
    before = world.scores(namespace, "web", "app")
    world.apply(example("observe-first", namespace))
    status = eventually(lambda: ready(world, namespace, "observe-first", observed=1))
    assert (status["matched"], status["enforced"]) == (1, 0)
    assert world.scores(namespace, "web", "app") == before


def test_users_objects_get_neither_finalizers_nor_annotations(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(policy(namespace, "protect", {"app": "db"}, RULE))
    eventually(lambda: world.policy(namespace, "protect").get("status"))
    metadata = world.policy(namespace, "protect")["metadata"]
    assert "finalizers" not in metadata
    added = [key for key in metadata.get("annotations", {}) if "kubectl" not in key]
    assert added == []


def test_an_offset_follows_a_request_that_is_resized_in_place(
    world: World, release: Release, namespace: str
) -> None:
    """The kubelet's score is 1000 minus the request's share of the node; it is not updated."""
    world.apply(pod(namespace, "web", family(world.cluster.busybox_image), app="web"))
    world.wait_until_running(namespace, "web")
    (own_score,) = set(world.scores(namespace, "web", "app").values())
    world.apply(policy(namespace, "lower", {"app": "web"}, {"oomScoreOffset": -100}))
    eventually(lambda: world.all_have_score(namespace, "web", own_score - 100))
    node = world.core.list_node().items[0]
    half = int(node.status.capacity["memory"].removesuffix("Ki")) // 2048
    memory = {"requests": {"memory": f"{half}Mi"}, "limits": {"memory": f"{half + 32}Mi"}}
    spec = {"containers": [{"name": "app", "resources": memory}]}
    patch = ("patch", "pod", "web", "-n", namespace, "--subresource", "resize")
    world.cluster.kubectl(*patch, "-p", json.dumps({"spec": spec}))
    near = {500 - 100, 501 - 100}
    assert eventually(lambda: set(world.scores(namespace, "web", "app").values()) <= near)
    with world.exec_in_background(namespace, "web", "app", "sleep", "100000"):
        assert eventually(lambda: set(world.scores(namespace, "web", "app").values()) <= near)
    world.delete_policy(namespace, "lower")
    assert eventually(lambda: world.all_have_score(namespace, "web", own_score)), (
        "the score that the runtime set"
    )


def planned(plugin: Plugin, manifest: dict[str, Any], *options: str) -> dict[str, Any]:
    """Return what `kubectl oom plan` says of a policy."""
    stdin = json.dumps(manifest)
    answer = plugin.oom("plan", "-f", "-", "-o", "json", *options, stdin=stdin)
    assert answer.code == 0, answer.err
    report: dict[str, Any] = json.loads(answer.out)
    return report


def test_what_plan_says_is_what_the_agent_and_the_operator_do(
    world: World, release: Release, namespace: str, tmp_path: Path
) -> None:
    plugin, image = plugin_of_admin(world, tmp_path), world.cluster.busybox_image
    side = container("side", image, "sh", "-c", "sleep 100000 & wait")
    world.apply(pod(namespace, "web", family(image), side, app="web"))
    world.wait_until_running(namespace, "web")
    manifest = policy(namespace, "planned", {"app": "web"}, {})
    manifest["spec"]["rules"] = [
        {"containers": ["app"], "oomScoreOffset": -200, "memory": {"limit": "96Mi"}},
        {"oomScoreAdj": -500, "processes": [{"command": "sleep *", "oomScoreAdj": 600}]},
    ]
    report = planned(plugin, manifest)
    assert report["notes"] == []
    app, other = report["containers"]
    assert (app["result"], other["result"]) == ("Change", "Ineffective")
    before = {name: set(world.scores(namespace, "web", name).values()) for name in ("app", "side")}
    assert before == {each["container"]: {each["before"]["oomScoreAdj"]} for each in (app, other)}
    world.apply(manifest)
    eventually(lambda: world.all_have_score(namespace, "web", app["after"]["oomScoreAdj"]))
    eventually(lambda: set(world.scores(namespace, "web", "side").values()) == {-500, 600})
    assert app["after"]["memoryLimit"] == "96Mi"
    status = eventually(lambda: ready(world, namespace, "planned", enforced=2, refused=1), 120)
    (total,) = report["policies"]
    assert (status["pods"], status["matched"]) == (total["pods"], total["containers"]["total"])
    reasons = {each["reason"] for each in other["remarks"]}
    assert world.refusal_messages("planned").keys() == reasons == {"Ineffective"}
    undone = planned(plugin, manifest, "--delete")["containers"]
    assert [each["after"]["oomScoreAdj"] for each in undone] == [
        each["before"]["oomScoreAdj"] for each in (app, other)
    ]
    assert [each["after"]["memoryLimit"] for each in undone] == ["64Mi", None]
    assert {each["result"] for each in planned(plugin, manifest)["containers"]} == {
        "Stay",
        "Ineffective",
    }
