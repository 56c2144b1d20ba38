"""`onOOM.raiseLimit`: a kill at the limit raises the limit, within bounds, and is recorded."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.conditions import ready
from e2e.examples import example
from e2e.limit_scenario import LimitScenario
from e2e.operator_metrics import operator_metrics
from e2e.workloads import container, pod, policy
from e2e.world import NAMESPACE, Release, World, eventually


def apply_raise_policy(world: World, namespace: str, **rule: str) -> None:
    bounds = {"by": "50%", "atLeast": "1Mi", "upTo": "256Mi", **rule}
    world.apply(policy(namespace, "grow", {"app": "hog"}, {"onOOM": {"raiseLimit": bounds}}))


def start_hungry_pod(world: World, namespace: str, name: str, needs: int) -> None:
    """Start a pod that allocates `needs` MiB: first immediately, after a restart when /d/go exists.

    Otherwise the restarted container could be killed at the old limit before it is raised.
    """
    waits = "test -e /d/once && until test -e /d/go; do sleep 1; done; touch /d/once"
    start_hog_pod(world, namespace, name, f"{waits}; exec hog {needs}")


def responses(world: World, namespace: str, name: str) -> list[dict[str, Any]]:
    """Return the responses to a pod's kills, oldest first."""
    kills = sorted(world.kills(namespace, name), key=lambda kill: str(kill["time"]["before"]))
    found = [kill.get("status", {}).get("response") for kill in kills]
    return [each for each in found if each]


def reasons(world: World, namespace: str, name: str) -> list[str]:
    return [each["reason"] for each in responses(world, namespace, name)]


def raise_events(world: World, namespace: str) -> list[dict[str, Any]]:
    """Return the Events of raised limits; each is posted after its response."""
    return [e for e in world.events(namespace) if e.get("reason") == "MemoryLimitRaised"]


def test_a_container_that_needs_more_than_its_limit_gets_it_and_survives(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(example("raise-on-oom", namespace, name="grow", labels={"app": "hog"}))
    start_hungry_pod(world, namespace, "grows", 38)
    (response,) = eventually(lambda: responses(world, namespace, "grows"), 90)
    assert (response["action"], response["limitBefore"], response["limit"]) == (
        "RaisedLimit", "32Mi", "48Mi",
    )  # fmt: skip
    assert eventually(lambda: LimitScenario(world, namespace).limit("grows") == 48, 90)
    (event,) = eventually(lambda: raise_events(world, namespace), 90)
    assert event["regarding"]["name"] == "grows"
    assert "from 32Mi to 48Mi" in event["note"]
    world.run_in_container(namespace, "grows", "app", "touch /d/go")
    eventually(lambda: LimitScenario(world, namespace).usage("grows") >= 38)
    kills = len(world.kills(namespace, "grows"))
    time.sleep(20)
    assert len(world.kills(namespace, "grows")) == kills, "it survives"
    eventually(lambda: ready(world, namespace, "grow", enforced=1, refused=0))
    world.delete_policy(namespace, "grow")
    time.sleep(15)
    assert LimitScenario(world, namespace).limit("grows") == 48, (
        "not restored while the memory is in use"
    )
    assert set(counted_responses(world, namespace)) == {"RaisedLimit"}, "0 in its first minute"
    shows_the_whole_cluster(world)


def counted_responses(world: World, namespace: str) -> dict[str, float]:
    """Return what the operator's /metrics counts in a namespace, by reason."""
    name = "oomwarden_operator_responses_total"
    found = operator_metrics(world).items()
    return {key[2]: value for key, value in found if key[:2] == (name, namespace)}


def shows_the_whole_cluster(world: World) -> None:
    """Compare the operator's /metrics with what the API server has."""
    found = operator_metrics(world)
    assert found["oomwarden_operator_nodes", "Reporting"] == len(world.core.list_node().items)
    assert found["oomwarden_operator_nodes", "Silent"] == 0
    assert found["oomwarden_operator_retained_oomkills",] > 0
    for queue in ("policies", "responses"):
        assert found["oomwarden_operator_reconcile_duration_seconds_count", queue] > 0
    assert found["oomwarden_loop_age_seconds", "watch-oomnodes"] < 90
    assert found["process_resident_memory_bytes",] > 1 << 20


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
        """Scale the Deployment, and wait until it has that many replicas."""
        scale = {"spec": {"replicas": replicas}}
        self.world.apps.patch_namespaced_deployment_scale("oomwarden-operator", NAMESPACE, scale)

        def scaled() -> bool:
            """The number of operators is as requested, and all are ready."""
            selector = "app.kubernetes.io/component=operator"
            pods = self.world.core.list_namespaced_pod(NAMESPACE, label_selector=selector).items
            ready = [
                p
                for p in pods
                if p.status.phase == "Running"
                and all(each.ready for each in p.status.container_statuses or [])
            ]
            return len(pods) == len(ready) == replicas

        eventually(scaled, 90)


def test_bounds_survive_an_operator_outage_and_late_kills_get_no_response(
    world: World, release: Release, namespace: str, operator: Operator
) -> None:
    """The outage lasts longer than the two minutes within which a kill gets a response."""
    apply_raise_policy(world, namespace, upTo="256Mi", cooldown="30m")
    start_pod_to_kill(world, namespace, "bounded")
    eventually(lambda: reasons(world, namespace, "bounded") == ["RaisedLimit"], 90)
    operator.scale(0)
    start_pod_to_kill(world, namespace, "once")
    eventually(lambda: world.kills(namespace, "once"), 90)
    time.sleep(125)
    operator.scale(1)
    world.wait_until_running(namespace, "bounded")
    world.run_in_container(namespace, "bounded", "app", "touch /d/again")
    eventually(lambda: len(responses(world, namespace, "bounded")) > 1, 180)
    assert reasons(world, namespace, "bounded") == ["RaisedLimit", "Cooldown"]
    (kill,) = world.kills(namespace, "once")
    assert "response" not in kill.get("status", {})
    assert LimitScenario(world, namespace).limit("once") == 32


def start_pod_to_kill(world: World, namespace: str, name: str) -> None:
    """Start a pod that exceeds its limit immediately, and after a restart when /d/again exists."""
    script = (
        "test -e /d/once || { touch /d/once /d/again; }; "
        "until test -e /d/again; do sleep 1; done; rm /d/again; exec hog 200"
    )
    start_hog_pod(world, namespace, name, script)


def start_hog_pod(world: World, namespace: str, name: str, script: str) -> None:
    """Start a pod that runs a script under a limit of 32Mi; /d survives container restarts."""
    app = container(
        "app", world.cluster.busybox_image, "sh", "-c", script, limit="32Mi", request="16Mi"
    )
    app["volumeMounts"] = [{"name": "d", "mountPath": "/d"}]
    described = pod(namespace, name, app, restart="Always", app="hog")
    described["spec"]["volumes"] = [{"name": "d", "emptyDir": {}}]
    world.apply(described)
