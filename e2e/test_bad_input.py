"""Excessive policies and workloads that fork all the time are bounded and reported."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from e2e.conditions import conditions
from e2e.mode_switch import ModeSwitch
from e2e.node_access import NodeAccess
from e2e.workloads import container, pod, policy
from e2e.world import GROUP, VERSION, Release, World, eventually

LOWEST = -997
PODS = 9
PODS_PER_MINUTE = 4
"""Pods that an agent starts to change per minute, and its burst after an idle time."""
ETCD_BYTES = 1_572_864
"""etcd's default limit of a request (--max-request-bytes)."""
LIST = (
    "for f in $(find /sys/fs/cgroup -path '*kubepods*' -name cgroup.procs); do "
    "for p in $(cat $f); do echo $p $(cat /proc/$p/oom_score_adj) $(cat /proc/$p/comm); done; done"
)


@pytest.fixture
def slow_rollout(release: Release) -> Iterator[None]:
    """Limit how many running pods the agents start to change per minute."""
    release.install("--set", f"agent.caps.newPodsPerMinute={PODS_PER_MINUTE}")
    yield
    release.install()


def everywhere(name: str) -> dict[str, Any]:
    """Return a ClusterOOMPolicy for every pod of the cluster."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "ClusterOOMPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": LOWEST}]},
    }


def pod_processes(node_access: NodeAccess) -> dict[int, tuple[int, str]]:
    """Return score and name of every process in a pod, by pid."""
    lines = (line.split(maxsplit=2) for line in node_access.run(LIST).splitlines())
    return {int(each[0]): (int(each[1]), each[2]) for each in lines if len(each) == 3}


def count_sleepers(node_access: NodeAccess, score: int = LOWEST) -> int:
    """Return how many of the story's processes have a score."""
    return sum(each == (score, "sleep") for each in pod_processes(node_access).values())


def sleeper(world: World, namespace: str, name: str) -> dict[str, Any]:
    app = container("app", world.cluster.busybox_image, "sleep", "100000", request="8Mi")
    return pod(namespace, name, app, app="sleeper")


def test_a_policy_for_every_pod_rolls_out_slowly_warns_and_can_be_paused_half_way(
    world: World, node_access: NodeAccess, release: Release, namespace: str, slow_rollout: None
) -> None:
    name, restarts = f"everywhere-{namespace}", release.restarts()
    for number in range(PODS):
        world.apply(sleeper(world, namespace, f"s-{number}"))
    for number in range(PODS):
        world.wait_until_running(namespace, f"s-{number}")
    time.sleep(31)  # pods that started just now are not rate-limited
    node_access.wait_for_deleted_pods()
    before = pod_processes(node_access)
    pauses = {pid for pid, (_, comm) in before.items() if comm == "pause"}
    try:
        started = time.monotonic()
        world.apply(everywhere(name))
        eventually(lambda: count_sleepers(node_access) > 0)
        assert "Waiting" in eventually(lambda: world.refusal_messages(name))
        ModeSwitch(world).set_mode("Pause")
        eventually(lambda: "Paused" in world.refusal_messages(name))
        minutes = (time.monotonic() - started) / 60
        time.sleep(15)
        held = count_sleepers(node_access)
        assert held <= PODS_PER_MINUTE + minutes * PODS_PER_MINUTE + 1
        time.sleep(60 / PODS_PER_MINUTE + 10)
        assert count_sleepers(node_access) == held < PODS
        ModeSwitch(world).set_mode("Enforce")
        eventually(lambda: count_sleepers(node_access) > held, 60)
        found = eventually(lambda: outranking_warning(world, name), 90)
        assert ".d/oom.conf with [Service] and OOMScoreAdjust=-999" in found
        now = pod_processes(node_access)
        assert {now[pid][0] for pid in pauses} == {-998}
        assert not [each for each in now.values() if each[0] < LOWEST and each[1] != "pause"]
    finally:
        ModeSwitch(world).set_mode("Enforce")
        world.cluster.kubectl("delete", "clusteroompolicy", name)

    def is_as_before() -> bool:
        """Every process that still runs has its score from before the policy."""
        now = pod_processes(node_access)
        return all(now[pid][0] == before[pid][0] for pid in now.keys() & before.keys())

    eventually(is_as_before)
    assert release.restarts() == restarts


def outranking_warning(world: World, name: str) -> str:
    """Return the warning that services of the node would be killed first."""
    where = (GROUP, VERSION, "clusteroompolicies", name)
    warning = conditions(world.custom.get_cluster_custom_object(*where)).get("Warning", {})
    return warning.get("message", "") if warning.get("reason") == "OutranksNode" else ""


def refusal_reason(world: World, namespace: str, name: str) -> str:
    """Return the reason of the policy's Refused condition."""
    return conditions(world.policy(namespace, name)).get("Refused", {}).get("reason", "")


def test_500_policies_on_one_pod_have_one_winner_and_an_oomnode_that_fits_into_etcd(
    world: World, release: Release, namespace: str
) -> None:
    restarts = release.restarts()
    world.apply(sleeper(world, namespace, "crowded"))
    world.wait_until_running(namespace, "crowded")
    (own_score,) = world.scores(namespace, "crowded", "app").values()
    for number in range(-5, 499):
        manifest = policy(namespace, f"p{number:03}", {"app": "sleeper"}, {"oomScoreAdj": number})
        manifest["spec"]["priority"] = number
        world.custom.create_namespaced_custom_object(
            GROUP, VERSION, namespace, "oompolicies", manifest
        )
    boss = policy(namespace, "boss", {"app": "sleeper"}, {"oomScoreAdj": -321})
    boss["spec"]["priority"] = 1000
    world.apply(boss)
    eventually(lambda: world.all_have_score(namespace, "crowded", -321))

    def loser() -> str:
        """The status of a policy without effect names the winner."""
        refused = conditions(world.policy(namespace, "p100")).get("Refused", {})
        return refused.get("message", "") if "boss" in refused.get("message", "") else ""

    assert f"OOMPolicy {namespace}/boss ranks higher" in eventually(loser, 120)
    (agent,) = release.agents()
    report = world.node_report(agent.spec.node_name)
    reports = [each for each in report["status"]["policies"] if each.get("namespace") == namespace]
    assert len([each for each in reports if each.get("pods")]) == 500
    assert len(reports) == 505
    bounds = conditions(report)["WithinBounds"]
    assert f"namespace {namespace}: 5 (first of them: p-01, p-02" in bounds["message"]
    eventually(lambda: refusal_reason(world, namespace, "p-05") == "LeftOut", 120)
    assert len(json.dumps(report)) < ETCD_BYTES / 3
    world.custom.delete_collection_namespaced_custom_object(
        GROUP, VERSION, namespace, "oompolicies"
    )
    eventually(lambda: world.all_have_score(namespace, "crowded", own_score), 120)
    assert release.restarts() == restarts, "neither agent nor operator was restarted"


def test_a_container_that_forks_all_the_time_does_not_delay_others(
    world: World, release: Release, namespace: str
) -> None:
    forks = "while :; do /bin/true; done"
    app = container("app", world.cluster.busybox_image, "sh", "-c", forks, limit="64Mi")
    app["resources"]["limits"]["cpu"] = "300m"
    rule = {"oomScoreAdj": -321, "processes": [{"command": "/bin/true*", "oomScoreAdj": 321}]}
    world.apply(policy(namespace, "all", {}, rule))
    world.apply(pod(namespace, "forks", app))
    world.wait_until_running(namespace, "forks")
    restarts, started = release.restarts(), time.monotonic()
    for number in range(3):
        world.apply(sleeper(world, namespace, f"quiet-{number}"))
        world.wait_until_running(namespace, f"quiet-{number}")
        name = f"quiet-{number}"
        eventually(partial(world.all_have_score, namespace, name, -321), 20)
    assert -321 in world.scores(namespace, "forks", "app").values()
    time.sleep(max(0.0, started + 30 - time.monotonic()))
    assert release.restarts() == restarts
    (agent,) = release.agents()
    ready = conditions(world.node_report(agent.spec.node_name))["Ready"]
    assert ready["status"] == "True"
