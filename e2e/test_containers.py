"""A policy applies to containers of every kind, and never to the pause container."""

from functools import partial
from typing import Any

from e2e.node_access import NodeAccess
from e2e.workloads import container, pod, policy
from e2e.world import Release, World, eventually

SCORE = -321


def test_app_init_sidecar_and_ephemeral_containers_get_the_score_and_pause_does_not(
    world: World, node_access: NodeAccess, release: Release, namespace: str
) -> None:
    world.apply(policy(namespace, "all", {"app": "db"}, {"oomScoreAdj": SCORE}))
    world.apply(every_kind(world, namespace))
    for name in ("side", "prepare"):
        eventually(partial(has_score, world, namespace, name))
    world.run_in_container(namespace, "db", "prepare", "touch /tmp/go")
    world.wait_until_running(namespace, "db")
    eventually(lambda: has_score(world, namespace, "app"))
    world.cluster.kubectl(
        "debug", "-n", namespace, "db", "--image", world.cluster.busybox_image,
        "--container", "probe", "--profile=general", "--image-pull-policy=IfNotPresent",
        "--", "sleep", "100000",
    )  # fmt: skip
    eventually(lambda: has_score(world, namespace, "probe"))
    assert pause_scores(world, node_access, namespace) == {-998}


def every_kind(world: World, namespace: str) -> dict[str, Any]:
    """Return a pod with a sidecar, an init container that waits for a file, and an app."""
    image = world.cluster.busybox_image
    manifest = pod(namespace, "db", container("app", image, "sleep", "100000"), app="db")
    side = container("side", image, "sleep", "100000")
    wait = "while [ ! -e /tmp/go ]; do sleep 0.2; done"
    manifest["spec"]["initContainers"] = [
        {**side, "restartPolicy": "Always"},
        container("prepare", image, "sh", "-c", wait),
    ]
    return manifest


def has_score(world: World, namespace: str, name: str) -> bool:
    """The container is running, and its first process has the score."""
    status = world.pod(namespace, "db").status
    found = [
        each
        for kind in ("container", "init_container", "ephemeral_container")
        for each in getattr(status, f"{kind}_statuses") or ()
        if each.name == name and each.state.running
    ]
    return bool(found) and world.scores(namespace, "db", name).get(1) == SCORE


def pause_scores(world: World, node_access: NodeAccess, namespace: str) -> set[int]:
    """Return the scores of the processes called pause in the pod's cgroups."""
    uid = str(world.pod(namespace, "db").metadata.uid)
    where = f"-path '*pod{uid}*' -o -path '*pod{uid.replace('-', '_')}*'"
    files = f"find /sys/fs/cgroup -name cgroup.procs '(' {where} ')'"
    script = (
        f"for p in $(cat $({files})); do "
        "[ $(cat /proc/$p/comm) != pause ] || cat /proc/$p/oom_score_adj; done"
    )
    return set(map(int, node_access.run(script).split()))
