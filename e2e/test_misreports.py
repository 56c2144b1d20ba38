"""If the kubelet's status hides an OOM kill, an Event on the pod reports it."""

from typing import Any

from e2e.workloads import hog, pod
from e2e.world import Release, World, eventually

PODS = 8
"""The kubelet reports `Error` for about half of such pods: systemd removes the cgroup first."""


def pods_with_reason_error(world: World, namespace: str) -> set[str]:
    """Return the pods with status Error, although the OOM killer killed them."""
    ended = terminated_states(world, namespace)
    return {name for name, over in ended.items() if over.reason == "Error"}


def terminated_states(world: World, namespace: str) -> dict[str, Any]:
    """Return the terminated state of each pod's container that has ended."""
    found = world.core.list_namespaced_pod(namespace).items
    states = {one.metadata.name: one.status.container_statuses for one in found}
    return {
        n: each[0].state.terminated
        for n, each in states.items()
        if each and each[0].state.terminated
    }


def pods_with_misreport_event(world: World, namespace: str) -> set[str]:
    """Return the pods with an Event that their status hides the kill."""
    events = world.events(namespace)
    misreports = [each for each in events if each["reason"] == "OOMKilledMisreported"]
    assert all("Error" in each["note"] for each in misreports)
    return {str(each["regarding"]["name"]) for each in misreports}


def test_each_pod_whose_status_hides_its_kill_gets_an_event(
    world: World, release: Release, namespace: str
) -> None:
    for number in range(PODS):
        world.apply(pod(namespace, f"short-{number}", hog(world.cluster.busybox_image)))
    eventually(lambda: len(world.kills(namespace)) == PODS, 120)
    eventually(lambda: len(terminated_states(world, namespace)) == PODS, 120)

    def all_reported() -> bool:
        """Every pod with status Error has the Event."""
        return pods_with_reason_error(world, namespace) <= pods_with_misreport_event(
            world, namespace
        )

    eventually(all_reported, 180, every=2)

    def all_have_events() -> bool:
        """Every kill has its Event, which is posted after the record."""
        return all(world.oom_events(namespace, f"short-{number}") for number in range(PODS))

    eventually(all_have_events, 120, every=2)
