"""Faults of a node: every kill that the kernel counts is recorded in the API, and none twice."""

import random
from collections.abc import Iterator

import pytest

from e2e.conditions import conditions
from e2e.lab.errors import CommandError
from e2e.node_access import KillAudit, NodeAccess
from e2e.workloads import container, hog, pod
from e2e.world import NAMESPACE, Release, World, eventually

AGENT = "oomwarden-agent"
RESTART_LOOP = "import subprocess\nwhile True: subprocess.call(['oomwarden-agent'])"
"""Replaces the kubelet's restarts, which have an increasing back-off."""


@pytest.fixture
def audit(node_access: NodeAccess, namespace: str) -> KillAudit:
    return KillAudit(node_access, namespace)


def storm(world: World, namespace: str, pods: int, seconds: float) -> None:
    """Start pods that are killed at random moments within some seconds."""
    dice = random.Random(pods)  # noqa: S311 - the same storm in each run
    for number in range(pods):
        wait = dice.uniform(0, seconds)
        app = container(
            "app",
            world.cluster.busybox_image,
            "sh",
            "-c",
            f"sleep {wait:.2f}; hog 200",
            limit="32Mi",
        )
        world.apply(pod(namespace, f"storm-{number}", app))


def all_started(world: World, namespace: str) -> bool:
    """All containers have started; some may have ended."""
    pods = world.core.list_namespaced_pod(namespace).items
    statuses = [status for one in pods for status in one.status.container_statuses or []]
    return len(statuses) == len(pods) and all(one.state.waiting is None for one in statuses)


def patch_agents(world: World, spec: dict[str, object]) -> None:
    world.apps.patch_namespaced_daemon_set(AGENT, NAMESPACE, {"spec": spec})
    world.cluster.kubectl("rollout", "status", "-n", NAMESPACE, f"ds/{AGENT}", "--timeout=180s")


@pytest.fixture
def restart_loop(world: World, release: Release) -> Iterator[None]:
    """Run the agent in a loop that restarts it immediately, and reinstall the chart afterwards."""
    agent = {"name": "agent", "command": ["python3", "-c", RESTART_LOOP]}
    try:
        patch_agents(world, {"template": {"spec": {"containers": [agent]}}})
        yield
    finally:
        release.install()


@pytest.fixture
def restored_update_strategy(world: World, release: Release) -> Iterator[None]:
    """Put the DaemonSet's own update strategy back after the story."""
    yield
    own = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    patch_agents(world, {"updateStrategy": own})
    release.install()


@pytest.mark.usefixtures("restart_loop")
def test_an_agent_killed_fifty_times_in_a_storm_loses_no_kill(
    world: World, node_access: NodeAccess, namespace: str
) -> None:
    audit = KillAudit(node_access, namespace)
    storm(world, namespace, pods=20, seconds=90)
    dice = random.Random(50)  # noqa: S311 - the same moments in each run
    killed = 0
    while killed < 50:
        killed += node_access.kill_agents(dice.uniform(0.2, 4) for _ in range(50 - killed))
    audit.check(pods=20, seconds=180)


@pytest.mark.usefixtures("restored_update_strategy")
def test_a_rolling_update_with_two_concurrent_agents_records_no_kill_twice(
    world: World, audit: KillAudit, namespace: str
) -> None:
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    storm(world, namespace, pods=8, seconds=25)
    annotations = {"oomwarden.io/rolled": "once"}
    patch_agents(
        world, {"updateStrategy": surge, "template": {"metadata": {"annotations": annotations}}}
    )
    audit.check(pods=8)


def test_restarting_kubelet_and_containerd_in_a_storm_loses_no_kill(
    world: World, node_access: NodeAccess, audit: KillAudit, namespace: str
) -> None:
    storm(world, namespace, pods=6, seconds=20)
    # A container that is starting while its runtime stops gets StartError and is never killed.
    eventually(lambda: all_started(world, namespace))
    started = kubelet_start_time(node_access)
    node_access.run_soon("systemctl restart containerd; sleep 2; systemctl restart kubelet")
    eventually(lambda: kubelet_start_time(node_access) not in {"", started}, 120)
    audit.check(pods=6, seconds=180)


def kubelet_start_time(node_access: NodeAccess) -> str:
    """Return the kubelet's start time; empty while the node cannot run commands."""
    try:
        return node_access.run("systemctl show -p ActiveEnterTimestampMonotonic --value kubelet")
    except CommandError:
        return ""


def test_a_deleted_database_is_rebuilt_from_the_records(
    world: World, release: Release, node_access: NodeAccess, audit: KillAudit, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "before", hog(image), restart="Always"))
    eventually(lambda: world.kills(namespace, "before"), 60)
    node_access.run("rm -f /var/lib/oomwarden/oomwarden.sqlite*")
    for agent in release.agents():
        world.core.delete_namespaced_pod(agent.metadata.name, NAMESPACE, grace_period_seconds=0)
    world.apply(pod(namespace, "after", hog(image)))
    audit.check(pods=2)


def test_a_truncated_database_is_set_aside_and_no_kill_is_lost(
    world: World, node_access: NodeAccess, audit: KillAudit, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "before", hog(image), restart="Always"))
    eventually(lambda: world.kills(namespace, "before"), 60)
    cut = "cd /var/lib/oomwarden && truncate -s 5000 oomwarden.sqlite && rm -f oomwarden.sqlite-*"
    assert node_access.kill_agents(then=cut)
    world.apply(pod(namespace, "after", hog(image)))
    audit.check(pods=2)


def test_a_full_disk_is_reported_loses_no_kill_and_the_store_recovers(
    world: World, release: Release, node_access: NodeAccess, namespace: str
) -> None:
    tiny = "mount -t tmpfs -o size=24m tmpfs /var/lib/oomwarden"
    node_access.run(f"{tiny} && dd if=/dev/zero of=/var/lib/oomwarden/full bs=4k || true")
    try:
        for agent in release.agents():
            world.core.delete_namespaced_pod(agent.metadata.name, NAMESPACE)
        eventually(lambda: "in memory" in store_condition(world, node_access.node_name()), 120)
        audit = KillAudit(node_access, namespace)
        world.apply(pod(namespace, "during", hog(world.cluster.busybox_image)))
        audit.check(pods=1)
        node_access.run("rm /var/lib/oomwarden/full")
        eventually(lambda: not store_condition(world, node_access.node_name()), 180)
        world.apply(pod(namespace, "afterwards", hog(world.cluster.busybox_image)))
        audit.check(pods=2)
    finally:
        node_access.run("umount -l /var/lib/oomwarden; rm -f /var/lib/oomwarden/oomwarden.sqlite*")
        # Without the store, a new agent could not restore what the old one still changes.
        renew_agents(world, release)
        eventually(lambda: not store_condition(world, node_access.node_name()), 120)


def renew_agents(world: World, release: Release) -> None:
    """Replace the agents, and wait for new ones, as old ones may still write a report."""
    before = release.agents()
    old = {agent.metadata.uid for agent in before}
    for agent in before:
        world.core.delete_namespaced_pod(agent.metadata.name, NAMESPACE)

    def renewed() -> bool:
        """New agents are ready, and no old one is left."""
        agents = release.agents()
        statuses = [one for each in agents for one in each.status.container_statuses or []]
        fresh = old.isdisjoint(each.metadata.uid for each in agents)
        return fresh and bool(statuses) and all(one.ready for one in statuses)

    eventually(renewed, 120)


def store_condition(world: World, node: str) -> str:
    return conditions(world.node_report(node))["Store"]["message"]


def test_a_rebooted_node_records_new_kills_and_repeats_none(
    world: World, node_access: NodeAccess, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "before", hog(image)))
    (before,) = eventually(lambda: world.kills(namespace, "before"), 60)
    boot = before["evidence"]["bootID"]
    node = node_access.node_name()
    node_access.run_soon("systemctl reboot --force --force")
    eventually(lambda: world.node_report(node)["status"]["kernel"]["bootID"] != boot, 300)
    world.apply(pod(namespace, "after", hog(image)))
    (after,) = eventually(lambda: world.kills(namespace, "after"), 120)
    assert after["evidence"]["bootID"] != boot
    assert world.kills(namespace, "before") == [before]
    eventually(lambda: kubelet_start_time(node_access), 120)  # the next story needs the node
