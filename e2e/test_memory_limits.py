"""`memory.limit`: true of the cgroup while a policy lasts, refused in words, and put back."""

import json
import time
from collections.abc import Callable
from typing import Any

from kubernetes import client

from e2e.surgeon import Surgeon
from e2e.test_admission import agent_client
from e2e.test_policies import ready
from e2e.test_switch import SwitchHand, switch
from e2e.workloads import container, family, pod, policy
from e2e.world import GROUP, VERSION, Release, World, eventually

MI = 1 << 20
__all__ = ["switch"]


def memory_max(world: World, namespace: str, name: str) -> int:
    """What the kernel holds the container to, in Mi."""
    return int(world.inside(namespace, name, "app", "cat /sys/fs/cgroup/memory.max")) // MI


def limited(world: World, namespace: str, name: str, labels: dict[str, str], limit: str) -> None:
    world.apply(policy(namespace, name, labels, {"memory": {"limit": limit}}))


def start(world: World, namespace: str, name: str, **labels: str) -> None:
    """Start a pod with a request of 32Mi and a limit of 64Mi."""
    world.apply(pod(namespace, name, family(world.cluster.busybox_image), **labels))
    world.running(namespace, name)


def refused(world: World, namespace: str, name: str) -> str:
    """What the policy says to whoever looks at it."""
    conditions = world.policy(namespace, name).get("status", {}).get("conditions", [])
    return next((c["message"] for c in conditions if c["type"] == "Refused"), "")


def resize(world: World, namespace: str, name: str, memory: str) -> None:
    """Change the limit as a person would."""
    change = {"containers": [{"name": "app", "resources": {"limits": {"memory": memory}}}]}
    patch = ("patch", "pod", name, "-n", namespace, "--subresource", "resize")
    world.cluster.kubectl(*patch, "-p", json.dumps({"spec": change}))


def test_a_running_and_a_new_pod_have_the_limit_until_the_policy_goes(
    world: World, release: Release, namespace: str
) -> None:
    start(world, namespace, "old", app="db")
    assert memory_max(world, namespace, "old") == 64
    limited(world, namespace, "larger", {"app": "db"}, "96Mi")
    start(world, namespace, "new", app="db")
    for name in ("old", "new"):
        eventually(lambda name=name: memory_max(world, namespace, name) == 96)
        metadata = world.pod(namespace, name).metadata
        ours = [key for key in metadata.annotations or {} if "kubectl" not in key]
        assert (ours, metadata.finalizers) == ([], None)
    assert eventually(lambda: ready(world, namespace, "larger", enforced=2, refused=0))
    restarts = [
        world.pod(namespace, n).status.container_statuses[0].restart_count for n in ("old", "new")
    ]
    world.delete_policy(namespace, "larger")
    for name in ("old", "new"):
        eventually(lambda name=name: memory_max(world, namespace, name) == 64)
    assert restarts == [0, 0]


def test_release_puts_limits_back_and_enforce_sets_them_again(
    world: World, release: Release, namespace: str, switch: SwitchHand
) -> None:
    start(world, namespace, "db", app="db")
    limited(world, namespace, "larger", {"app": "db"}, "96Mi")
    eventually(lambda: memory_max(world, namespace, "db") == 96)
    switch.turn("Release")
    eventually(lambda: memory_max(world, namespace, "db") == 64)
    switch.turn("Enforce")
    eventually(lambda: memory_max(world, namespace, "db") == 96)


def test_whoever_else_changes_the_limit_wins_and_is_named(
    world: World, release: Release, namespace: str
) -> None:
    start(world, namespace, "db", app="db")
    limited(world, namespace, "larger", {"app": "db"}, "96Mi")
    eventually(lambda: memory_max(world, namespace, "db") == 96)
    resize(world, namespace, "db", "80Mi")
    said = eventually(lambda: "kubectl" in (m := refused(world, namespace, "larger")) and m)
    assert "80Mi" in said
    world.delete_policy(namespace, "larger")
    time.sleep(15)
    assert memory_max(world, namespace, "db") == 80


def guaranteed(world: World, namespace: str, name: str, memory: str) -> dict[str, Any]:
    described = family(world.cluster.busybox_image)
    described["resources"] = {"limits": {"memory": memory, "cpu": "300m"}}
    return pod(namespace, name, described, app=name)


def test_a_guaranteed_pod_keeps_its_class_as_its_request_moves_along(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(guaranteed(world, namespace, "db", "64Mi"))
    world.running(namespace, "db")
    limited(world, namespace, "larger", {"app": "db"}, "96Mi")
    eventually(lambda: memory_max(world, namespace, "db") == 96)
    found = world.pod(namespace, "db")
    assert found.spec.containers[0].resources.requests["memory"] == "96Mi"
    assert found.status.qos_class == "Guaranteed"


def test_each_refusal_is_a_sentence_that_says_what_to_do(
    world: World, release: Release, namespace: str
) -> None:
    """BestEffort, below the request, below what is used, more than the node has or has left."""
    image = world.cluster.busybox_image
    node = world.core.list_node().items[0]
    allocatable = int(node.status.allocatable["memory"].removesuffix("Ki")) // 1024
    holder = container("app", image, "hog", "40", limit="96Mi", request="32Mi")
    world.apply(
        pod(namespace, "best-effort", container("app", image, "sleep", "9999"), app="best-effort")
    )
    world.apply(pod(namespace, "requesting", family(image), app="requesting"))
    world.apply(pod(namespace, "holding", holder, app="holding"))
    for name in ("too-large", "no-room"):
        world.apply(guaranteed(world, namespace, name, "64Mi"))
    for name in ("best-effort", "requesting", "holding", "too-large", "no-room"):
        world.running(namespace, name)
    wanted = {
        "best-effort": ("64Mi", "QoS class"),
        "requesting": ("16Mi", "below the container's memory request"),
        "holding": ("36Mi", "less than the container uses"),
        "too-large": ("1000Gi", "cannot grant"),
        "no-room": (f"{allocatable - 8}Mi", "no room"),
    }
    for name, (limit, _) in wanted.items():
        limited(world, namespace, name, {"app": name}, limit)
    for name, (_, words) in wanted.items():
        eventually(_says(world, namespace, name, words), 90)
    assert memory_max(world, namespace, "holding") == 96


def _says(world: World, namespace: str, name: str, words: str) -> Callable[[], bool]:
    def says() -> bool:
        return words in refused(world, namespace, name)

    says.__doc__ = f"{name} says `{words}`; it says {refused(world, namespace, name)!r}"
    return says


def test_a_static_pod_says_where_its_limit_is(
    world: World, release: Release, surgeon: Surgeon, namespace: str
) -> None:
    described = pod(namespace, "fixed", family(world.cluster.busybox_image), app="fixed")
    file = f"/etc/kubernetes/manifests/{namespace}.json"
    surgeon.on_node(f"mkdir -p /etc/kubernetes/manifests; echo '{json.dumps(described)}' >{file}")
    try:
        world.running(namespace, f"fixed-{surgeon.node()}")
        limited(world, namespace, "larger", {"app": "fixed"}, "96Mi")
        assert eventually(lambda: "its manifest on the node" in refused(world, namespace, "larger"))
    finally:
        surgeon.on_node(f"rm {file}")


def test_quota_and_limit_range_refuse_and_a_freed_quota_lets_it_pass(
    world: World, release: Release, namespace: str
) -> None:
    start(world, namespace, "db", app="db")
    quota = client.V1ResourceQuota(
        metadata={"name": "small"}, spec={"hard": {"limits.memory": "90Mi"}}
    )
    world.core.create_namespaced_resource_quota(namespace, quota)
    limited(world, namespace, "larger", {"app": "db"}, "96Mi")
    eventually(lambda: "ResourceQuota" in refused(world, namespace, "larger"))
    bounds = {"type": "Container", "max": {"memory": "92Mi"}}
    world.core.create_namespaced_limit_range(
        namespace, client.V1LimitRange(metadata={"name": "small"}, spec={"limits": [bounds]})
    )
    world.core.delete_namespaced_resource_quota("small", namespace)
    eventually(lambda: "LimitRange" in refused(world, namespace, "larger"), 90)
    world.core.delete_namespaced_limit_range("small", namespace)
    eventually(lambda: memory_max(world, namespace, "db") == 96, 90)
    assert eventually(lambda: ready(world, namespace, "larger", enforced=1, refused=0))


def test_a_stolen_agent_token_can_ask_for_nothing_that_no_policy_grants(
    world: World, release: Release, namespace: str
) -> None:
    start(world, namespace, "db", app="db")
    (agent, *_) = release.agents()
    node = agent.spec.node_name
    uid = world.pod(namespace, "db").metadata.uid
    ask = {
        "namespace": namespace, "pod": "db", "uid": uid, "container": "app",
        "limit": "1Gi", "policy": "OOMPolicy made/up",
    }  # fmt: skip
    theirs = client.CustomObjectsApi(agent_client(world, release))

    def asked() -> bool:
        """The false ask is in the node's report."""
        report = theirs.get_cluster_custom_object(GROUP, VERSION, "oomnodes", node)
        report["status"]["resizes"] = [ask]
        try:
            theirs.replace_cluster_custom_object_status(GROUP, VERSION, "oomnodes", node, report)
        except client.ApiException as error:
            return error.status != 409
        return True

    eventually(asked)
    said = release.world.cluster.kubectl
    eventually(
        lambda: (
            f"{namespace}/db app: no policy"
            in said("logs", "-n", "oomwarden", "deploy/oomwarden-operator")
        )
    )
    assert memory_max(world, namespace, "db") == 64
