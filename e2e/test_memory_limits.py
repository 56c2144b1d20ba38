"""`memory.limit`: set in the cgroup while a policy exists, restored afterwards, or refused."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kubernetes import client

from e2e.agent_account import agent_client
from e2e.conditions import ready
from e2e.conftest import fresh_namespace
from e2e.limit_scenario import LimitScenario
from e2e.mode_switch import ModeSwitch
from e2e.node_access import NodeAccess
from e2e.workloads import container, family, pod
from e2e.world import GROUP, VERSION, Release, World, eventually


@pytest.fixture(scope="module")
def scenario(world: World, release: Release, node_access: NodeAccess) -> Iterator[LimitScenario]:
    with fresh_namespace(world) as namespace:
        yield LimitScenario(world, namespace)


@pytest.mark.xdist_group("limits")
def test_limits_are_set_respect_manual_changes_and_are_restored(scenario: LimitScenario) -> None:
    """Limits of a running pod, of a new one, and of one that a person resizes meanwhile.

    The pod's managedFields, true or forged, have no influence.
    """
    for name in ("old", "touched", "forged"):
        scenario.start_pod(name)
    scenario.start_guaranteed("guaranteed")
    scenario.start_with_cpu_request("unlimited")
    for name in ("old", "touched", "forged", "guaranteed", "unlimited"):
        scenario.world.wait_until_running(scenario.namespace, name)
    before = scenario.limit("old")
    scenario.forge_field_managers("forged")
    for name in ("touched", "unlimited", "new"):
        scenario.apply_limit_policy(name, "96Mi")
    scenario.apply_limit_policy("forged", 96 << 20)
    scenario.apply_example_policy("old")
    scenario.apply_limit_policy("guaranteed", "+0098304.0Ki")
    scenario.start_pod("new")
    scenario.world.wait_until_running(scenario.namespace, "new")
    everywhere = ("old", "touched", "forged", "guaranteed", "unlimited", "new")
    for name in everywhere:
        scenario.wait_for_limit(name, 512 if name == "old" else 96)
    assert before == 64
    assert eventually(
        lambda: ready(scenario.world, scenario.namespace, "old", enforced=1, refused=0)
    )
    scenario.resize_by_hand("touched", "80Mi")
    check_no_side_effects(scenario)
    message = scenario.wait_for_refusal("touched", "kubectl")
    assert "80Mi" in message
    scenario.forge_field_managers("forged")
    for name in everywhere:
        scenario.delete_policy(name)
    for name in ("old", "forged", "guaranteed", "new"):
        scenario.wait_for_limit(name, 64)
    assert scenario.limit("touched") == 80, "a manual change is kept"


def check_no_side_effects(scenario: LimitScenario) -> None:
    """Pods keep their QoS class, are not restarted, and get no annotations or finalizers."""
    found = scenario.world.pod(scenario.namespace, "guaranteed")
    assert found.spec.containers[0].resources.requests["memory"] == "96Mi"
    assert found.status.qos_class == "Guaranteed"
    resources = scenario.world.pod(scenario.namespace, "unlimited").spec.containers[0].resources
    assert resources.requests["memory"] == "0", "otherwise the scheduler would count the limit"
    for name in ("old", "new"):
        each = scenario.world.pod(scenario.namespace, name)
        added = [key for key in each.metadata.annotations or {} if "kubectl" not in key]
        assert (added, each.metadata.finalizers) == ([], None)
        assert each.status.container_statuses[0].restart_count == 0


@pytest.mark.xdist_group("limits")
def test_each_refusal_of_a_limit_names_its_reason(
    scenario: LimitScenario, node_access: NodeAccess
) -> None:
    """BestEffort, LimitRange, static pod, below request or usage, too large, no room."""
    node = scenario.world.core.list_node().items[0]
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
    holder = container("app", scenario.image, "hog", "40", limit="96Mi", request="32Mi")
    scenario.start_pod("best-effort", container("app", scenario.image, "sleep", "9999"))
    scenario.start_pod("holding", holder)
    scenario.start_pod("requesting")
    scenario.start_pod("ranged")
    scenario.start_guaranteed("too-large")
    scenario.start_guaranteed("no-room")
    with static_pod(scenario, node_access, "fixed"), limit_range(scenario, "1000Gi"):
        for name in wanted.keys() - {"fixed"}:
            scenario.world.wait_until_running(scenario.namespace, name)
        eventually(lambda: scenario.usage("holding") >= 40)
        with limit_policies(scenario, {name: limit for name, (limit, _) in wanted.items()}):
            for name, (_, words) in wanted.items():
                scenario.wait_for_refusal(name, words, 90)
            assert scenario.limit("holding") == 96


@contextmanager
def limit_policies(scenario: LimitScenario, limits: dict[str, str]) -> Iterator[None]:
    """Delete the policies in any case: a pending resize keeps other pods off the node."""
    for name, limit in limits.items():
        scenario.apply_limit_policy(name, limit)
    try:
        yield
    finally:
        for name in limits:
            scenario.delete_policy(name)


@contextmanager
def static_pod(scenario: LimitScenario, node_access: NodeAccess, name: str) -> Iterator[None]:
    described = pod(scenario.namespace, name, family(scenario.image), app=name)
    folder = "/etc/kubernetes/manifests"
    file = f"{folder}/{scenario.namespace}.json"
    node_access.run(f"mkdir -p {folder}; echo '{json.dumps(described)}' >{file}")
    try:
        mirror = f"{name}-{node_access.node_name()}"
        eventually(lambda: mirror in scenario.pods())
        scenario.world.wait_until_running(scenario.namespace, mirror)
        yield
    finally:
        node_access.run(f"rm {file}")


@contextmanager
def limit_range(scenario: LimitScenario, most: str) -> Iterator[None]:
    bounds = {"type": "Container", "max": {"memory": most}}
    made = client.V1LimitRange(metadata={"name": "small"}, spec={"limits": [bounds]})
    scenario.world.core.create_namespaced_limit_range(scenario.namespace, made)
    try:
        yield
    finally:
        scenario.world.core.delete_namespaced_limit_range("small", scenario.namespace)


def test_a_limit_waits_for_a_resource_quota_and_release_restores_it(
    world: World, release: Release, switch: ModeSwitch, namespace: str
) -> None:
    scenario = LimitScenario(world, namespace)
    scenario.start_pod("db")
    world.wait_until_running(namespace, "db")
    full = client.V1ResourceQuota(
        metadata={"name": "full"}, spec={"hard": {"limits.memory": "90Mi"}}
    )
    world.core.create_namespaced_resource_quota(namespace, full)
    eventually(lambda: quota_is_active(world, namespace, "full"))
    scenario.apply_limit_policy("db", "96Mi")
    scenario.wait_for_refusal("db", "ResourceQuota")
    world.core.delete_namespaced_resource_quota("full", namespace)
    scenario.wait_for_limit("db", 96, 120)
    switch.set_mode("Release")
    scenario.wait_for_limit("db", 64)
    switch.set_mode("Enforce")
    scenario.wait_for_limit("db", 96)


def quota_is_active(world: World, namespace: str, quota: str) -> bool:
    """The quota is enforced: before its controller has counted usage, nothing is refused."""
    status = world.core.read_namespaced_resource_quota(quota, namespace).status
    return bool(status.hard and status.used)


def test_a_stolen_agent_token_cannot_request_what_no_policy_grants(
    world: World, release: Release, namespace: str
) -> None:
    scenario = LimitScenario(world, namespace)
    scenario.start_pod("db")
    world.wait_until_running(namespace, "db")
    (agent,) = release.agents()
    node = agent.spec.node_name
    uid = world.pod(namespace, "db").metadata.uid
    request = {
        "namespace": namespace, "pod": "db", "uid": uid, "container": "app",
        "limit": "1Gi", "policy": "OOMPolicy made/up",
    }  # fmt: skip
    elsewhere = {"namespace": "default", "pod": f"../../{namespace}/pods/db"}
    agent_api = client.CustomObjectsApi(agent_client(world, agent))

    def write_forged_requests() -> bool:
        """The forged requests are in the node's report."""
        forged = {"status": {"resizes": [request, request | elsewhere]}}
        agent_api.patch_cluster_custom_object_status(GROUP, VERSION, "oomnodes", node, forged)
        return True

    log = ("logs", "-n", "oomwarden", "deploy/oomwarden-operator")
    # Written again each time, as the real agent may overwrite them before the operator reads them.
    refusals = (
        f"of pod {namespace}/db was not resized: no policy",
        "/db was not resized: the pod no longer exists",
    )

    def both_refused() -> bool:
        """The operator's log has the refusal of both forged requests."""
        return write_forged_requests() and all(
            words in world.cluster.kubectl(*log) for words in refusals
        )

    eventually(both_refused)
    assert scenario.limit("db") == 64
