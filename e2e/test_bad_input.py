"""Policies that ask too much, and workloads that do not hold still: bounded, and said."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from e2e.conditions import conditions
from e2e.surgeon import Surgeon
from e2e.switch_hand import SwitchHand
from e2e.workloads import container, pod, policy
from e2e.world import GROUP, VERSION, Release, World, eventually

LOWEST = -997
PODS = 9
AT_ONCE = 4
"""Pods newly touched in a minute, and so many at once after a rest."""
ETCD_BYTES = 1_572_864
"""What etcd takes by default (--max-request-bytes)."""
LIST = (
    "for f in $(find /sys/fs/cgroup -path '*kubepods*' -name cgroup.procs); do "
    "for p in $(cat $f); do echo $p $(cat /proc/$p/oom_score_adj) $(cat /proc/$p/comm); done; done"
)


@pytest.fixture
def slow(release: Release) -> Iterator[None]:
    """Agents that begin few running pods in a minute."""
    release.install("--set", f"agent.caps.newPodsPerMinute={AT_ONCE}")
    yield
    release.install()


def everywhere(name: str) -> dict[str, Any]:
    """Describe a ClusterOOMPolicy for every pod of the cluster."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "ClusterOOMPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": LOWEST}]},
    }


def on_node(surgeon: Surgeon) -> dict[int, tuple[int, str]]:
    """Read score and name of every process in a pod, by pid."""
    lines = (line.split(maxsplit=2) for line in surgeon.on_node(LIST).splitlines())
    return {int(each[0]): (int(each[1]), each[2]) for each in lines if len(each) == 3}


def sleepers(surgeon: Surgeon, score: int = LOWEST) -> int:
    """Count the story's processes that hold a score."""
    return sum(each == (score, "sleep") for each in on_node(surgeon).values())


def sleeper(world: World, namespace: str, name: str) -> dict[str, Any]:
    app = container("app", world.cluster.busybox_image, "sleep", "100000", request="8Mi")
    return pod(namespace, name, app, app="sleeper")


def holds(world: World, namespace: str, name: str, score: int) -> bool:
    """All processes of the pod hold the score."""
    return set(world.scores(namespace, name, "app").values()) == {score}


def test_a_policy_for_every_pod_takes_its_time_warns_and_can_be_stopped_half_way(
    world: World, surgeon: Surgeon, release: Release, namespace: str, slow: None
) -> None:
    name, restarts = f"everywhere-{namespace}", release.restarts()
    for number in range(PODS):
        world.apply(sleeper(world, namespace, f"s-{number}"))
    for number in range(PODS):
        world.running(namespace, f"s-{number}")
    time.sleep(31)  # a pod that started just now is not held back
    surgeon.wait_for_the_deleted()
    before = on_node(surgeon)
    pauses = {pid for pid, (_, comm) in before.items() if comm == "pause"}
    try:
        began = time.monotonic()
        world.apply(everywhere(name))
        eventually(lambda: sleepers(surgeon) > 0)
        assert "Waiting" in eventually(lambda: world.refusals(name))
        SwitchHand(world).turn("Pause")
        eventually(lambda: "Paused" in world.refusals(name))
        minutes = (time.monotonic() - began) / 60
        time.sleep(15)
        held = sleepers(surgeon)
        assert held <= AT_ONCE + minutes * AT_ONCE + 1
        time.sleep(60 / AT_ONCE + 10)
        assert sleepers(surgeon) == held < PODS
        SwitchHand(world).turn("Enforce")
        eventually(lambda: sleepers(surgeon) > held, 60)
        found = eventually(lambda: outranks(world, name), 90)
        assert ".d/oom.conf with [Service] and OOMScoreAdjust=-999" in found
        now = on_node(surgeon)
        assert {now[pid][0] for pid in pauses} == {-998}
        assert not [each for each in now.values() if each[0] < LOWEST and each[1] != "pause"]
    finally:
        SwitchHand(world).turn("Enforce")
        world.cluster.kubectl("delete", "clusteroompolicy", name)

    def is_as_before() -> bool:
        """Every process that still lives has the score from before the policy."""
        now = on_node(surgeon)
        return all(now[pid][0] == before[pid][0] for pid in now.keys() & before.keys())

    eventually(is_as_before)
    assert release.restarts() == restarts


def outranks(world: World, name: str) -> str:
    """The policy is warned of: services of the node would die first."""
    where = (GROUP, VERSION, "clusteroompolicies", name)
    warning = conditions(world.custom.get_cluster_custom_object(*where)).get("Warning", {})
    return warning.get("message", "") if warning.get("reason") == "OutranksNode" else ""


def refusal_reason(world: World, namespace: str, name: str) -> str:
    """Why the operator says that this policy is refused."""
    return conditions(world.policy(namespace, name)).get("Refused", {}).get("reason", "")


def test_500_policies_on_one_pod_give_one_winner_an_oomnode_that_etcd_takes_and_no_room_for_more(
    world: World, release: Release, namespace: str
) -> None:
    restarts = release.restarts()
    world.apply(sleeper(world, namespace, "crowded"))
    world.running(namespace, "crowded")
    (given,) = world.scores(namespace, "crowded", "app").values()
    for number in range(-5, 499):
        manifest = policy(namespace, f"p{number:03}", {"app": "sleeper"}, {"oomScoreAdj": number})
        manifest["spec"]["priority"] = number
        world.custom.create_namespaced_custom_object(
            GROUP, VERSION, namespace, "oompolicies", manifest
        )
    boss = policy(namespace, "boss", {"app": "sleeper"}, {"oomScoreAdj": -321})
    boss["spec"]["priority"] = 1000
    world.apply(boss)
    eventually(lambda: holds(world, namespace, "crowded", -321))

    def loser() -> str:
        """A policy that lost says who won."""
        refused = conditions(world.policy(namespace, "p100")).get("Refused", {})
        return refused.get("message", "") if "boss" in refused.get("message", "") else ""

    assert f"OOMPolicy {namespace}/boss wins this container" in eventually(loser, 120)
    (agent,) = release.agents()
    report = world.node_report(agent.spec.node_name)
    told = [each for each in report["status"]["policies"] if each.get("namespace") == namespace]
    assert len([each for each in told if each.get("pods")]) == 500
    assert len(told) == 505
    bounds = conditions(report)["WithinBounds"]
    assert f"namespace {namespace}: 5 (first of them: p-01, p-02" in bounds["message"]
    eventually(lambda: refusal_reason(world, namespace, "p-05") == "LeftOut", 120)
    assert len(json.dumps(report)) < ETCD_BYTES / 3
    world.custom.delete_collection_namespaced_custom_object(
        GROUP, VERSION, namespace, "oompolicies"
    )
    eventually(lambda: holds(world, namespace, "crowded", given), 120)
    assert release.restarts() == restarts, "neither agent nor operator ended meanwhile"


def test_a_container_that_forks_all_the_time_keeps_nobody_else_waiting(
    world: World, release: Release, namespace: str
) -> None:
    forks = "while :; do /bin/true; done"
    app = container("app", world.cluster.busybox_image, "sh", "-c", forks, limit="64Mi")
    app["resources"]["limits"]["cpu"] = "300m"
    rule = {"oomScoreAdj": -321, "processes": [{"command": "/bin/true*", "oomScoreAdj": 321}]}
    world.apply(policy(namespace, "all", {}, rule))
    world.apply(pod(namespace, "forks", app))
    world.running(namespace, "forks")
    restarts, began = release.restarts(), time.monotonic()
    for number in range(3):
        world.apply(sleeper(world, namespace, f"quiet-{number}"))
        world.running(namespace, f"quiet-{number}")
        name = f"quiet-{number}"
        eventually(partial(holds, world, namespace, name, -321), 20)
    assert -321 in world.scores(namespace, "forks", "app").values()
    time.sleep(max(0.0, began + 30 - time.monotonic()))
    assert release.restarts() == restarts
    (agent,) = release.agents()
    ready = conditions(world.node_report(agent.spec.node_name))["Ready"]
    assert ready["status"] == "True"
