"""A container whose children are killed one after the other while its first process survives."""

from typing import Any

from e2e.node_access import KillAudit, NodeAccess
from e2e.workloads import container, pod
from e2e.world import World, eventually

CHILDREN = 12
LOOP = (
    "while [ ! -e /go ]; do sleep 0.2; done; "
    f"for n in $(seq {CHILDREN}); do hog 200; done; sleep 100000"
)


def kill_single_processes(world: World, node_access: NodeAccess, namespace: str, name: str) -> None:
    """Let the kernel kill single processes in the pod's containers instead of whole groups."""
    uid = str(world.pod(namespace, name).metadata.uid)
    where = f"-path '*pod{uid}*' -o -path '*pod{uid.replace('-', '_')}*'"
    files = f"find /sys/fs/cgroup -name memory.oom.group '(' {where} ')'"
    node_access.run(f"for f in $({files}); do echo 0 > $f; done")


def test_a_fork_loop_is_recorded_completely_in_few_records(
    world: World, node_access: NodeAccess, namespace: str
) -> None:
    app = container("app", world.cluster.busybox_image, "sh", "-c", LOOP, limit="64Mi")
    world.apply(pod(namespace, "loop", app))
    world.wait_until_running(namespace, "loop")
    kill_single_processes(world, node_access, namespace, "loop")
    audit = KillAudit(node_access, namespace)
    world.cluster.kubectl("exec", "-n", namespace, "loop", "--", "touch", "/go")
    eventually(lambda: node_access.kernel_kills() - audit.kills_before == CHILDREN, 120)
    audit.check(pods=1, seconds=180)
    kills = world.kills(namespace)
    assert sum(kill["kills"] for kill in kills) == CHILDREN
    assert len(kills) <= 7
    assert all(kill["container"]["name"] == "app" for kill in kills)
    assert not any(kill.get("groupKill") for kill in kills)
    eventually(lambda: counted_kills(world.oom_events(namespace, "loop")) == CHILDREN, 120)
    statuses = world.pod(namespace, "loop").status.container_statuses
    assert statuses[0].restart_count == 0


def counted_kills(events: list[dict[str, Any]]) -> int:
    """Return the number of kills that the Events count; one without a series counts one."""
    return sum((event.get("series") or {}).get("count", 1) for event in events)
