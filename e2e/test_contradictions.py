"""Where the kubelet's status hides an OOM kill, an Event on the pod says so."""

from typing import Any

from e2e.workloads import hog, pod
from e2e.world import Release, World, eventually

PODS = 8
"""The kubelet calls about half of such short pods `Error` (systemd removes the cgroup first)."""


def called_error(world: World, namespace: str) -> set[str]:
    """Name the pods whose status says Error, though the kernel killed them for memory."""
    ended = endings(world, namespace)
    return {name for name, over in ended.items() if over.reason == "Error"}


def endings(world: World, namespace: str) -> dict[str, Any]:
    """Give what the kubelet says of each pod's container that ended."""
    found = world.core.list_namespaced_pod(namespace).items
    states = {one.metadata.name: one.status.container_statuses for one in found}
    return {
        n: each[0].state.terminated
        for n, each in states.items()
        if each and each[0].state.terminated
    }


def contradicted(world: World, namespace: str) -> set[str]:
    """Name the pods of which an Event says that their status hides the kill."""
    events = world.events(namespace)
    told = [each for each in events if each["reason"] == "OOMKilledMisreported"]
    assert all("Error" in each["note"] for each in told)
    return {str(each["regarding"]["name"]) for each in told}


def test_each_pod_whose_status_hides_its_kill_gets_an_event_that_says_so(
    world: World, release: Release, namespace: str
) -> None:
    for number in range(PODS):
        world.apply(pod(namespace, f"short-{number}", hog(world.cluster.busybox_image)))
    eventually(lambda: len(world.kills(namespace)) == PODS, 120)
    eventually(lambda: len(endings(world, namespace)) == PODS, 120)

    def agree() -> bool:
        """Every pod that is called Error has the Event."""
        return called_error(world, namespace) <= contradicted(world, namespace)

    eventually(agree, 180, every=2)

    def told() -> bool:
        """Every kill has its Event, which follows the record."""
        return all(world.oom_events(namespace, f"short-{number}") for number in range(PODS))

    eventually(told, 120, every=2)
