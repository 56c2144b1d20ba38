"""The worst hours of a node: every kill of the kernel's counters is in the API, none twice."""

import random

import pytest

from e2e.conditions import conditions
from e2e.lab.errors import CommandError
from e2e.surgeon import Balance, Surgeon
from e2e.workloads import container, hog, pod
from e2e.world import NAMESPACE, Release, World, eventually

AGENT = "oomwarden-agent"
RESTARTED_AT_ONCE = "import subprocess\nwhile True: subprocess.call(['oomwarden-agent'])"
"""In place of the kubelet, which waits longer and longer before it starts a container again."""


@pytest.fixture
def balance(surgeon: Surgeon, namespace: str) -> Balance:
    return Balance(surgeon, namespace)


def storm(world: World, namespace: str, pods: int, seconds: float) -> None:
    """Let pods be killed at random moments of so many seconds."""
    dice = random.Random(pods)  # noqa: S311 - the same storm each time
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


def have_begun(world: World, namespace: str) -> bool:
    """Whether each pod's container runs, or has ended."""
    pods = world.core.list_namespaced_pod(namespace).items
    statuses = [status for one in pods for status in one.status.container_statuses or []]
    return len(statuses) == len(pods) and all(one.state.waiting is None for one in statuses)


def patch_agents(world: World, spec: dict[str, object]) -> None:
    world.apps.patch_namespaced_daemon_set(AGENT, NAMESPACE, {"spec": spec})
    world.cluster.kubectl("rollout", "status", "-n", NAMESPACE, f"ds/{AGENT}", "--timeout=180s")


def test_an_agent_killed_fifty_times_in_a_storm_loses_nothing(
    world: World, release: Release, surgeon: Surgeon, namespace: str
) -> None:
    command = ["python3", "-c", RESTARTED_AT_ONCE]
    patch_agents(
        world, {"template": {"spec": {"containers": [{"name": "agent", "command": command}]}}}
    )
    balance = Balance(surgeon, namespace)
    storm(world, namespace, pods=20, seconds=90)
    dice = random.Random(50)  # noqa: S311 - the same moments each time
    killed = 0
    while killed < 50:
        killed += surgeon.kill_agents(dice.uniform(0.2, 4) for _ in range(50 - killed))
    balance.check(pods=20, seconds=180)
    release.install()


def test_a_rolling_update_with_two_agents_at_once_tells_nothing_twice(
    world: World, release: Release, balance: Balance, namespace: str
) -> None:
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    storm(world, namespace, pods=8, seconds=25)
    annotations = {"oomwarden.io/rolled": "once"}
    patch_agents(
        world, {"updateStrategy": surge, "template": {"metadata": {"annotations": annotations}}}
    )
    balance.check(pods=8)
    surge["rollingUpdate"] = {"maxSurge": 0, "maxUnavailable": 1}
    patch_agents(world, {"updateStrategy": surge})
    release.install()


def test_kubelet_and_containerd_restarted_in_a_storm_lose_nothing(
    world: World, surgeon: Surgeon, balance: Balance, namespace: str
) -> None:
    storm(world, namespace, pods=6, seconds=20)
    # One that is just being started when its runtime ends is never killed: StartError.
    eventually(lambda: have_begun(world, namespace))
    began = kubelet_began(surgeon)
    surgeon.soon("systemctl restart containerd; sleep 2; systemctl restart kubelet")
    eventually(lambda: kubelet_began(surgeon) not in {"", began}, 120)
    balance.check(pods=6, seconds=180)


def kubelet_began(surgeon: Surgeon) -> str:
    """Tell when the kubelet began; nothing while the node takes no commands."""
    try:
        return surgeon.on_node("systemctl show -p ActiveEnterTimestampMonotonic --value kubelet")
    except CommandError:
        return ""


def test_a_deleted_database_is_rebuilt_from_the_records(
    world: World, release: Release, surgeon: Surgeon, balance: Balance, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "before", hog(image), restart="Always"))
    eventually(lambda: world.kills(namespace, "before"), 60)
    surgeon.on_node("rm -f /var/lib/oomwarden/oomwarden.sqlite*")
    for agent in release.agents():
        world.core.delete_namespaced_pod(agent.metadata.name, NAMESPACE, grace_period_seconds=0)
    world.apply(pod(namespace, "after", hog(image)))
    balance.check(pods=2)


def test_a_truncated_database_is_set_aside_and_nothing_is_lost(
    world: World, surgeon: Surgeon, balance: Balance, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "before", hog(image), restart="Always"))
    eventually(lambda: world.kills(namespace, "before"), 60)
    cut = "cd /var/lib/oomwarden && truncate -s 5000 oomwarden.sqlite && rm -f oomwarden.sqlite-*"
    assert surgeon.kill_agents(then=cut)
    world.apply(pod(namespace, "after", hog(image)))
    balance.check(pods=2)


def test_a_full_disk_is_said_nothing_is_lost_and_the_store_comes_back(
    world: World, release: Release, surgeon: Surgeon, namespace: str
) -> None:
    tiny = "mount -t tmpfs -o size=24m tmpfs /var/lib/oomwarden"
    surgeon.on_node(f"{tiny} && dd if=/dev/zero of=/var/lib/oomwarden/full bs=4k || true")
    try:
        for agent in release.agents():
            world.core.delete_namespaced_pod(agent.metadata.name, NAMESPACE)
        eventually(lambda: "in memory" in store_condition(world, surgeon.node()), 120)
        balance = Balance(surgeon, namespace)
        world.apply(pod(namespace, "told", hog(world.cluster.busybox_image)))
        balance.check(pods=1)
        surgeon.on_node("rm /var/lib/oomwarden/full")
        eventually(lambda: not store_condition(world, surgeon.node()), 180)
        world.apply(pod(namespace, "told-durably", hog(world.cluster.busybox_image)))
        balance.check(pods=2)
    finally:
        surgeon.on_node("umount -l /var/lib/oomwarden; rm -f /var/lib/oomwarden/oomwarden.sqlite*")
        # Whatever the agent that ends now still changes, the next one could not put back.
        renew_agents(world, release)
        eventually(lambda: not store_condition(world, surgeon.node()), 120)


def renew_agents(world: World, release: Release) -> None:
    """End the agents, and wait for others: a report may still be one of those that end."""
    before = release.agents()
    old = {agent.metadata.uid for agent in before}
    for agent in before:
        world.core.delete_namespaced_pod(agent.metadata.name, NAMESPACE)

    def renewed() -> bool:
        """Other agents are ready, and none of the old ones is left."""
        agents = release.agents()
        statuses = [one for each in agents for one in each.status.container_statuses or []]
        fresh = old.isdisjoint(each.metadata.uid for each in agents)
        return fresh and bool(statuses) and all(one.ready for one in statuses)

    eventually(renewed, 120)


def store_condition(world: World, node: str) -> str:
    return conditions(world.node_report(node))["Store"]["message"]


def test_a_rebooted_node_goes_on_and_repeats_nothing(
    world: World, surgeon: Surgeon, namespace: str
) -> None:
    image = world.cluster.busybox_image
    world.apply(pod(namespace, "before", hog(image)))
    (before,) = eventually(lambda: world.kills(namespace, "before"), 60)
    boot = before["evidence"]["bootID"]
    node = surgeon.node()
    surgeon.soon("systemctl reboot --force --force")
    eventually(lambda: world.node_report(node)["status"]["kernel"]["bootID"] != boot, 300)
    world.apply(pod(namespace, "after", hog(image)))
    (after,) = eventually(lambda: world.kills(namespace, "after"), 120)
    assert after["evidence"]["bootID"] != boot
    assert world.kills(namespace, "before") == [before]
    eventually(lambda: kubelet_began(surgeon), 120)  # whoever comes next needs the node
