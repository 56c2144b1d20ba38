"""Agents restart, the chart is upgraded and uninstalled: nothing is lost or left behind."""

import shutil
from pathlib import Path

import yaml

from e2e.conditions import conditions
from e2e.mode_switch import ModeSwitch
from e2e.workloads import family, hog, pod, policy
from e2e.world import NAMESPACE, Release, World, eventually


def test_a_restarted_agent_repeats_no_record(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(pod(namespace, "first", hog(world.cluster.busybox_image)))
    (before,) = eventually(lambda: world.kills(namespace, "first"), 90)
    for agent in release.agents():
        world.core.delete_namespaced_pod(agent.metadata.name, "oomwarden", grace_period_seconds=0)
    world.apply(pod(namespace, "second", hog(world.cluster.busybox_image)))
    (kill,) = eventually(lambda: world.kills(namespace, "second"), 120)
    assert kill["container"]["name"] == "app"
    pods = ("first", "second")  # Events are posted after their records
    eventually(lambda: all(world.oom_events(namespace, name) for name in pods))
    assert world.kills(namespace, "first") == [before]
    assert len(world.oom_events(namespace, "first")) == 1


def test_an_upgrade_keeps_records_and_policies_and_accepts_a_new_field(
    world: World, release: Release, switch: ModeSwitch, namespace: str, tmp_path: Path
) -> None:
    world.apply(pod(namespace, "greedy", hog(world.cluster.busybox_image)))
    world.apply(policy(namespace, "protect", {"app": "db"}, {"oomScoreAdj": -100}))
    kills = eventually(lambda: world.kills(namespace), 90)
    newer = tmp_path / "oomwarden"
    shutil.copytree(release.chart, newer)
    add_field(newer / "templates" / "crds" / "oompolicies.yaml")
    switch.set_mode("Pause")
    release.install("--set", "agent.logLevel=DEBUG,operator.logLevel=DEBUG", chart=newer)
    try:
        assert switch.mode() == "Pause"
        assert world.kills(namespace) == kills
        manifest = policy(namespace, "newer", {"app": "db"}, {"oomScoreAdj": -100})
        manifest["spec"]["soon"] = "a field of tomorrow"
        world.apply(manifest)
        assert world.policy(namespace, "newer")["spec"]["soon"] == "a field of tomorrow"
        assert world.policy(namespace, "protect")["spec"]["rules"][0]["oomScoreAdj"] == -100
        node = kills[0]["node"]
        message = eventually(lambda: unknown_fields_message(world, node), 60)
        assert "spec.soon" in message
    finally:
        world.delete_policy(namespace, "newer")
        release.install()


def test_a_deleted_mode_config_map_stays_deleted_until_someone_recreates_it(
    world: World, release: Release, switch: ModeSwitch
) -> None:
    assert switch.mode() == "Enforce"
    world.core.delete_namespaced_config_map("oomwarden-control", NAMESPACE)
    try:
        world.cluster.kubectl(
            "-n", NAMESPACE, "rollout", "restart", "deployment/oomwarden-operator"
        )
        output = world.cluster.kubectl(
            "-n", NAMESPACE, "rollout", "status", "deployment/oomwarden-operator", "--timeout=300s"
        )
        assert "successfully rolled out" in output
        assert switch.mode() is None
    finally:
        made = {"metadata": {"name": "oomwarden-control"}, "data": {"mode": "Enforce"}}
        world.core.create_namespaced_config_map(NAMESPACE, made)


def unknown_fields_message(world: World, node: str) -> str:
    """Return the message of the OOMNode's condition on unknown fields; empty if it has none."""
    one = conditions(world.node_report(node))["PoliciesUnderstood"]
    return one["message"] if one["status"] == "False" else ""


def add_field(path: Path) -> None:
    crd = yaml.safe_load(path.read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["soon"] = {"type": "string", "description": "of a later version"}
    path.write_text(yaml.safe_dump(crd))


def test_uninstall_restores_scores(
    world: World, release: Release, switch: ModeSwitch, namespace: str
) -> None:
    world.apply(pod(namespace, "db", family(world.cluster.busybox_image), app="db"))
    world.wait_until_running(namespace, "db")
    before = world.scores(namespace, "db", "app")
    world.apply(policy(namespace, "protect", {"app": "db"}, {"oomScoreAdj": -300}))
    eventually(lambda: set(world.scores(namespace, "db", "app").values()) == {-300})
    output = release.uninstall()
    try:
        assert "Every agent has restored what it changed." in output
        assert world.scores(namespace, "db", "app") == before
        assert world.policy(namespace, "protect")["spec"]["mode"] == "Enforce"
        assert switch.mode() is None
    finally:
        release.install()
    eventually(lambda: switch.mode() == "Enforce")
    eventually(lambda: set(world.scores(namespace, "db", "app").values()) == {-300})
