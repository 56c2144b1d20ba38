"""Children that die one after the other under a first process that lives on."""

from typing import Any

from e2e.surgeon import Balance, Surgeon
from e2e.workloads import container, pod
from e2e.world import World, eventually

CHILDREN = 12
LOOP = (
    "while [ ! -e /go ]; do sleep 0.2; done; "
    f"for n in $(seq {CHILDREN}); do hog 200; done; sleep 100000"
)


def kill_single_processes(world: World, surgeon: Surgeon, namespace: str, name: str) -> None:
    """Let the kernel kill one process of the pod's containers, not all of them."""
    uid = str(world.pod(namespace, name).metadata.uid)
    where = f"-path '*pod{uid}*' -o -path '*pod{uid.replace('-', '_')}*'"
    files = f"find /sys/fs/cgroup -name memory.oom.group '(' {where} ')'"
    surgeon.on_node(f"for f in $({files}); do echo 0 > $f; done")


def test_a_fork_loop_is_told_in_few_records_and_none_of_its_kills_is_missing(
    world: World, surgeon: Surgeon, namespace: str
) -> None:
    app = container("app", world.cluster.busybox_image, "sh", "-c", LOOP, limit="64Mi")
    world.apply(pod(namespace, "loop", app))
    world.running(namespace, "loop")
    kill_single_processes(world, surgeon, namespace, "loop")
    balance = Balance(surgeon, namespace)
    world.cluster.kubectl("exec", "-n", namespace, "loop", "--", "touch", "/go")
    eventually(lambda: surgeon.kernel_kills() - balance.began == CHILDREN, 120)
    balance.check(pods=1, seconds=180)
    kills = world.kills(namespace)
    assert sum(kill["kills"] for kill in kills) == CHILDREN
    assert len(kills) <= 7
    assert all(kill["container"]["name"] == "app" for kill in kills)
    assert not any(kill.get("groupKill") for kill in kills)
    eventually(lambda: told(world.oom_events(namespace, "loop")) == CHILDREN, 120)
    statuses = world.pod(namespace, "loop").status.container_statuses
    assert statuses[0].restart_count == 0


def told(events: list[dict[str, Any]]) -> int:
    """Sum up what the Events stand for; one without a series stands for one kill."""
    return sum((event.get("series") or {}).get("count", 1) for event in events)
