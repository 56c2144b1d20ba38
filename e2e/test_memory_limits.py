"""`memory.limit`: true of the cgroup while a policy lasts, refused in words, and put back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kubernetes import client

from e2e.agent_account import client_of
from e2e.conditions import ready
from e2e.conftest import fresh_namespace
from e2e.limit_stage import Stage
from e2e.surgeon import Surgeon
from e2e.switch_hand import SwitchHand
from e2e.workloads import container, family, pod
from e2e.world import GROUP, VERSION, Release, World, eventually


@pytest.fixture(scope="module")
def stage(world: World, release: Release, surgeon: Surgeon) -> Iterator[Stage]:
    with fresh_namespace(world) as namespace:
        yield Stage(world, namespace)


@pytest.mark.xdist_group("limits")
def test_limits_are_set_kept_from_others_and_put_back(stage: Stage) -> None:
    """Of a running pod, of a new one, and of one that a person resizes meanwhile.

    What a pod's managedFields say of its writers, true or forged, changes nothing.
    """
    for name in ("old", "touched", "forged"):
        stage.start(name)
    stage.guaranteed("guaranteed")
    stage.cpu_only("unlimited")
    for name in ("old", "touched", "forged", "guaranteed", "unlimited"):
        stage.world.running(stage.namespace, name)
    given = stage.limit("old")
    stage.forge("forged")
    for name in ("touched", "unlimited", "new"):
        stage.ask(name, "96Mi")
    stage.ask("forged", 96 << 20)
    stage.ask_by_example("old")
    stage.ask("guaranteed", "+0098304.0Ki")
    stage.start("new")
    stage.world.running(stage.namespace, "new")
    everywhere = ("old", "touched", "forged", "guaranteed", "unlimited", "new")
    for name in everywhere:
        stage.reaches(name, 512 if name == "old" else 96)
    assert given == 64
    assert eventually(lambda: ready(stage.world, stage.namespace, "old", enforced=1, refused=0))
    stage.resize("touched", "80Mi")
    check_traces(stage)
    said = stage.says("touched", "kubectl")
    assert "80Mi" in said
    stage.forge("forged")
    for name in everywhere:
        stage.end(name)
    for name in ("old", "forged", "guaranteed", "new"):
        stage.reaches(name, 64)
    assert stage.limit("touched") == 80, "what a person has changed stays"


def check_traces(stage: Stage) -> None:
    """The pod has the class it had, never restarted, and nothing of ours is written on it."""
    found = stage.world.pod(stage.namespace, "guaranteed")
    assert found.spec.containers[0].resources.requests["memory"] == "96Mi"
    assert found.status.qos_class == "Guaranteed"
    asked = stage.world.pod(stage.namespace, "unlimited").spec.containers[0].resources
    assert asked.requests["memory"] == "0", "else the scheduler would count the limit"
    for name in ("old", "new"):
        each = stage.world.pod(stage.namespace, name)
        ours = [key for key in each.metadata.annotations or {} if "kubectl" not in key]
        assert (ours, each.metadata.finalizers) == ([], None)
        assert each.status.container_statuses[0].restart_count == 0


@pytest.mark.xdist_group("limits")
def test_each_refusal_is_a_sentence_that_says_what_to_do(stage: Stage, surgeon: Surgeon) -> None:
    """BestEffort, static, below request or use, more than the node has or has left, LimitRange."""
    node = stage.world.core.list_node().items[0]
    most = int(node.status.allocatable["memory"].removesuffix("Ki")) // 1024
    wanted = {
        "best-effort": ("64Mi", "QoS class"),
        "requesting": ("16Mi", "below the container's memory request"),
        "holding": ("36Mi", "less than the container uses"),
        "too-large": (f"{most + 1000}Mi", "a larger node"),
        "no-room": (f"{most - 8}Mi", "no room"),
        "fixed": ("96Mi", "its manifest on the node"),
        "ranged": ("2000Gi", "LimitRange"),
    }
    holder = container("app", stage.image, "hog", "40", limit="96Mi", request="32Mi")
    stage.start("best-effort", container("app", stage.image, "sleep", "9999"))
    stage.start("holding", holder)
    stage.start("requesting")
    stage.start("ranged")
    stage.guaranteed("too-large")
    stage.guaranteed("no-room")
    with static_pod(stage, surgeon, "fixed"), limit_range(stage, "1000Gi"):
        for name in wanted.keys() - {"fixed"}:
            stage.world.running(stage.namespace, name)
        eventually(lambda: stage.usage("holding") >= 40)
        with limits_asked(stage, {name: limit for name, (limit, _) in wanted.items()}):
            for name, (_, words) in wanted.items():
                stage.says(name, words, 90)
            assert stage.limit("holding") == 96


@contextmanager
def limits_asked(stage: Stage, limits: dict[str, str]) -> Iterator[None]:
    """A limit that waits for room keeps other pods from the node: it goes whatever happens."""
    for name, limit in limits.items():
        stage.ask(name, limit)
    try:
        yield
    finally:
        for name in limits:
            stage.end(name)


@contextmanager
def static_pod(stage: Stage, surgeon: Surgeon, name: str) -> Iterator[None]:
    described = pod(stage.namespace, name, family(stage.image), app=name)
    folder = "/etc/kubernetes/manifests"
    file = f"{folder}/{stage.namespace}.json"
    surgeon.on_node(f"mkdir -p {folder}; echo '{json.dumps(described)}' >{file}")
    try:
        mirror = f"{name}-{surgeon.node()}"
        eventually(lambda: mirror in stage.pods())
        stage.world.running(stage.namespace, mirror)
        yield
    finally:
        surgeon.on_node(f"rm {file}")


@contextmanager
def limit_range(stage: Stage, most: str) -> Iterator[None]:
    bounds = {"type": "Container", "max": {"memory": most}}
    made = client.V1LimitRange(metadata={"name": "small"}, spec={"limits": [bounds]})
    stage.world.core.create_namespaced_limit_range(stage.namespace, made)
    try:
        yield
    finally:
        stage.world.core.delete_namespaced_limit_range("small", stage.namespace)


def test_a_full_quota_refuses_and_a_freed_one_lets_it_pass_and_release_puts_it_back(
    world: World, release: Release, switch: SwitchHand, namespace: str
) -> None:
    stage = Stage(world, namespace)
    stage.start("db")
    world.running(namespace, "db")
    full = client.V1ResourceQuota(
        metadata={"name": "full"}, spec={"hard": {"limits.memory": "90Mi"}}
    )
    world.core.create_namespaced_resource_quota(namespace, full)
    eventually(lambda: is_counted(world, namespace, "full"))
    stage.ask("db", "96Mi")
    stage.says("db", "ResourceQuota")
    world.core.delete_namespaced_resource_quota("full", namespace)
    stage.reaches("db", 96, 120)
    switch.turn("Release")
    stage.reaches("db", 64)
    switch.turn("Enforce")
    stage.reaches("db", 96)


def is_counted(world: World, namespace: str, quota: str) -> bool:
    """The quota holds: until its controller has counted, the API server refuses nothing."""
    status = world.core.read_namespaced_resource_quota(quota, namespace).status
    return bool(status.hard and status.used)


def test_a_stolen_agent_token_can_ask_for_nothing_that_no_policy_grants(
    world: World, release: Release, namespace: str
) -> None:
    stage = Stage(world, namespace)
    stage.start("db")
    world.running(namespace, "db")
    (agent,) = release.agents()
    node = agent.spec.node_name
    uid = world.pod(namespace, "db").metadata.uid
    ask = {
        "namespace": namespace, "pod": "db", "uid": uid, "container": "app",
        "limit": "1Gi", "policy": "OOMPolicy made/up",
    }  # fmt: skip
    elsewhere = {"namespace": "default", "pod": f"../../{namespace}/pods/db"}
    theirs = client.CustomObjectsApi(client_of(world, agent))

    def asked() -> bool:
        """Whether the false ask is in the node's report."""
        report = theirs.get_cluster_custom_object(GROUP, VERSION, "oomnodes", node)
        report["status"]["resizes"] = [ask, ask | elsewhere]
        try:
            theirs.replace_cluster_custom_object_status(GROUP, VERSION, "oomnodes", node, report)
        except client.ApiException as error:
            return bool(error.status != 409)  # the true agent was quicker
        return True

    log = ("logs", "-n", "oomwarden", "deploy/oomwarden-operator")
    # Asked again each time: the true agent may write before the operator has looked at it.
    answers = (f"{namespace}/db app: no policy", "db app: the pod is gone")

    def answered() -> bool:
        """Both false asks are refused in the operator's log."""
        return asked() and all(words in world.cluster.kubectl(*log) for words in answers)

    eventually(answered)
    assert stage.limit("db") == 64
