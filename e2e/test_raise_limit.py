"""`onOOM.raiseLimit`: after a kill at the limit the next life has more; bounded, recorded, told."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.conditions import ready
from e2e.examples import example
from e2e.limit_stage import Stage
from e2e.workloads import container, pod, policy
from e2e.world import NAMESPACE, Release, World, eventually


def raising(world: World, namespace: str, **rule: str) -> None:
    bounds = {"by": "50%", "atLeast": "1Mi", "upTo": "256Mi", **rule}
    world.apply(policy(namespace, "grow", {"app": "hog"}, {"onOOM": {"raiseLimit": bounds}}))


def hungry(world: World, namespace: str, name: str, needs: int) -> None:
    """Start a pod that needs so many MiB, in its first life at once, and then when /d/go is there.

    A second life that began before the operator has answered would be killed at the old limit.
    """
    waits = "test -e /d/once && until test -e /d/go; do sleep 1; done; touch /d/once"
    start(world, namespace, name, f"{waits}; exec hog {needs}")


def responses(world: World, namespace: str, name: str) -> list[dict[str, Any]]:
    """The responses to a pod's kills, oldest first."""
    kills = sorted(world.kills(namespace, name), key=lambda kill: str(kill["time"]["before"]))
    told = [kill.get("status", {}).get("response") for kill in kills]
    return [each for each in told if each]


def reasons(world: World, namespace: str, name: str) -> list[str]:
    return [each["reason"] for each in responses(world, namespace, name)]


def raises_told(world: World, namespace: str) -> list[dict[str, Any]]:
    """The Events that tell of a raise; each follows its response."""
    return [e for e in world.events(namespace) if e.get("reason") == "MemoryLimitRaised"]


def test_a_container_that_needs_more_than_its_limit_gets_it_and_lives(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(example("raise-on-oom", namespace, name="grow", labels={"app": "hog"}))
    hungry(world, namespace, "grows", 38)
    (response,) = eventually(lambda: responses(world, namespace, "grows"), 90)
    assert (response["action"], response["limitBefore"], response["limit"]) == (
        "RaisedLimit", "32Mi", "48Mi",
    )  # fmt: skip
    assert eventually(lambda: Stage(world, namespace).limit("grows") == 48, 90)
    (event,) = eventually(lambda: raises_told(world, namespace), 90)
    assert event["regarding"]["name"] == "grows"
    assert "from 32Mi to 48Mi" in event["note"]
    world.inside(namespace, "grows", "app", "touch /d/go")
    eventually(lambda: Stage(world, namespace).usage("grows") >= 38)
    kills = len(world.kills(namespace, "grows"))
    time.sleep(20)
    assert len(world.kills(namespace, "grows")) == kills, "it lives"
    eventually(lambda: ready(world, namespace, "grow", enforced=1, refused=0))
    world.delete_policy(namespace, "grow")
    time.sleep(15)
    assert Stage(world, namespace).limit("grows") == 48, "in use: not put back while it is"


@pytest.fixture
def operator(world: World, release: Release) -> Iterator["Operator"]:
    found = Operator(world)
    yield found
    found.scale(1)


class Operator:
    """The operator's Deployment."""

    def __init__(self, world: World) -> None:
        self.world = world

    def scale(self, replicas: int) -> None:
        """Have so many, and wait until it is so."""
        scale = {"spec": {"replicas": replicas}}
        self.world.apps.patch_namespaced_deployment_scale("oomwarden-operator", NAMESPACE, scale)

        def so() -> bool:
            """As many operators are there as are wanted, and they are available."""
            selector = "app.kubernetes.io/component=operator"
            pods = self.world.core.list_namespaced_pod(NAMESPACE, label_selector=selector).items
            ready = [
                p
                for p in pods
                if p.status.phase == "Running"
                and all(each.ready for each in p.status.container_statuses or [])
            ]
            return len(pods) == len(ready) == replicas

        eventually(so, 90)


def test_bounds_outlive_an_operator_that_is_away_and_does_nothing_late(
    world: World, release: Release, namespace: str, operator: Operator
) -> None:
    """It comes back after more than the two minutes for which a kill is acted on."""
    raising(world, namespace, upTo="256Mi", cooldown="30m")
    dies_when_told(world, namespace, "bounded")
    eventually(lambda: reasons(world, namespace, "bounded") == ["RaisedLimit"], 90)
    operator.scale(0)
    dies_when_told(world, namespace, "once")
    eventually(lambda: world.kills(namespace, "once"), 90)
    time.sleep(125)
    operator.scale(1)
    world.running(namespace, "bounded")
    world.inside(namespace, "bounded", "app", "touch /d/again")
    eventually(lambda: len(responses(world, namespace, "bounded")) > 1, 180)
    assert reasons(world, namespace, "bounded") == ["RaisedLimit", "Cooldown"]
    (kill,) = world.kills(namespace, "once")
    assert "response" not in kill.get("status", {})
    assert Stage(world, namespace).limit("once") == 32


def dies_when_told(world: World, namespace: str, name: str) -> None:
    """Start a pod that runs over its limit in its first life, and then when /d/again is there."""
    script = (
        "test -e /d/once || { touch /d/once /d/again; }; "
        "until test -e /d/again; do sleep 1; done; rm /d/again; exec hog 200"
    )
    start(world, namespace, name, script)


def start(world: World, namespace: str, name: str, script: str) -> None:
    """Start a pod whose script runs under a limit of 32Mi; /d outlives its container."""
    app = container(
        "app", world.cluster.busybox_image, "sh", "-c", script, limit="32Mi", request="16Mi"
    )
    app["volumeMounts"] = [{"name": "d", "mountPath": "/d"}]
    described = pod(namespace, name, app, restart="Always", app="hog")
    described["spec"]["volumes"] = [{"name": "d", "emptyDir": {}}]
    world.apply(described)
