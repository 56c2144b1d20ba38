"""A policy's score is on the processes while the policy lasts, and gone after it."""

import json
from functools import partial

from e2e.conditions import ready
from e2e.examples import applied_cluster_policy, example
from e2e.workloads import family, pod, policy
from e2e.world import Release, World, eventually

RULE = {"containers": ["app"], "oomScoreAdj": -500}


def all_hold(world: World, namespace: str, name: str, score: int) -> bool:
    """All of the container's processes hold the score."""
    return set(world.scores(namespace, name, "app").values()) == {score}


def test_a_score_is_on_all_processes_of_a_running_and_of_a_new_container_until_deletion(
    world: World, release: Release, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "old", family(image), app="checkout"))
    world.running(namespace, "old")
    (before,) = set(world.scores(namespace, "old", "app").values())
    world.apply(example("protect-a-service", namespace, name="protect"))
    world.apply(pod(namespace, "new", family(image), app="checkout"))
    world.running(namespace, "new")
    for name in ("old", "new"):
        eventually(partial(all_hold, world, namespace, name, -500))
        assert len(world.scores(namespace, name, "app")) >= 3
    status = eventually(lambda: ready(world, namespace, "protect", enforced=2), 60)
    assert status["observedGeneration"] == 1
    world.delete_policy(namespace, "protect")
    for name in ("old", "new"):
        eventually(partial(all_hold, world, namespace, name, before))


def test_an_offset_is_relative_to_what_the_kubelet_gave(
    world: World, release: Release, namespace: str
) -> None:
    """Even if a ClusterOOMPolicy, which it overrides, had set another score before."""
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "web", family(image), app="web", tier="batch"))
    world.running(namespace, "web")
    (before,) = set(world.scores(namespace, "web", "app").values())
    with applied_cluster_policy(world, example("batch-first", namespace)):
        eventually(lambda: all_hold(world, namespace, "web", 1000))
        world.apply(policy(namespace, "lower", {"app": "web"}, {"oomScoreOffset": -200}))
        assert eventually(lambda: all_hold(world, namespace, "web", before - 200))


def test_a_new_process_of_exec_gets_the_score_too(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(policy(namespace, "protect", {"app": "db"}, RULE))
    world.apply(pod(namespace, "db", family(world.cluster.busybox_image), app="db"))
    world.running(namespace, "db")
    eventually(lambda: all_hold(world, namespace, "db", -500))
    before = len(world.scores(namespace, "db", "app"))
    with world.executing(namespace, "db", "app", "sleep", "100000"):
        eventually(lambda: len(world.scores(namespace, "db", "app")) > before)
        assert eventually(lambda: all_hold(world, namespace, "db", -500), 30)


def test_observe_reports_and_touches_nothing(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(pod(namespace, "web", family(world.cluster.busybox_image), app="checkout"))
    world.running(namespace, "web")
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
    ours = [key for key in metadata.get("annotations", {}) if "kubectl" not in key]
    assert ours == []


def test_an_offset_follows_a_request_that_is_resized_in_place(
    world: World, release: Release, namespace: str
) -> None:
    """The kubelet gives 1000 less the request's part of the node, and does not look again."""
    world.apply(pod(namespace, "web", family(world.cluster.busybox_image), app="web"))
    world.running(namespace, "web")
    (given,) = set(world.scores(namespace, "web", "app").values())
    world.apply(policy(namespace, "lower", {"app": "web"}, {"oomScoreOffset": -100}))
    eventually(lambda: all_hold(world, namespace, "web", given - 100))
    node = world.core.list_node().items[0]
    half = int(node.status.capacity["memory"].removesuffix("Ki")) // 2048
    memory = {"requests": {"memory": f"{half}Mi"}, "limits": {"memory": f"{half + 32}Mi"}}
    spec = {"containers": [{"name": "app", "resources": memory}]}
    patch = ("patch", "pod", "web", "-n", namespace, "--subresource", "resize")
    world.cluster.kubectl(*patch, "-p", json.dumps({"spec": spec}))
    near = {500 - 100, 501 - 100}
    assert eventually(lambda: set(world.scores(namespace, "web", "app").values()) <= near)
    with world.executing(namespace, "web", "app", "sleep", "100000"):
        assert eventually(lambda: set(world.scores(namespace, "web", "app").values()) <= near)
    world.delete_policy(namespace, "lower")
    assert eventually(lambda: all_hold(world, namespace, "web", given)), "as the runtime gave it"
