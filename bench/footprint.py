"""The agent on a node with 30 containers: resident memory, and CPU as a part of the kubelet's."""

import time

from bench import observer
from bench.figures import table
from e2e.workloads import container, pod, policy
from e2e.world import World, eventually

PODS, CONTAINERS = 10, 3
SECONDS = 180
_KIB = 1024


def main(world: World) -> None:
    """Start the containers under a policy, let them be, and print memory and CPU."""
    observer.start(world)
    fill(world)
    with observer.Shell(world.cluster) as shell:
        agent, kubelet = pid_of(shell, "oomwarden-agent"), pid_of(shell, "/kubelet ")
        time.sleep(30)  # starting is another figure
        before = ticks(shell, agent), ticks(shell, kubelet)
        time.sleep(SECONDS)
        after = ticks(shell, agent), ticks(shell, kubelet)
        rss = resident(shell, agent)
    ours, theirs = after[0] - before[0], after[1] - before[1]
    empty(world)
    table(
        f"Agent beside {PODS * CONTAINERS} containers for {SECONDS} s",
        [
            ("resident memory, MiB", f"{rss / _KIB:.1f}"),
            ("CPU as a part of the kubelet's", f"{100 * ours / theirs:.1f} %"),
            ("CPU ticks, agent and kubelet", f"{ours} and {theirs}"),
        ],
    )


def fill(world: World) -> None:
    """Start the pods and wait until all run under the policy."""
    space, image = observer.NAMESPACE, world.cluster.busybox_image
    world.apply(policy(space, "crowd", {"bench": "crowd"}, {"oomScoreAdj": -400}))
    for number in range(PODS):
        members = [container(f"c{n}", image, "sleep", "100000") for n in range(CONTAINERS)]
        world.apply(pod(space, f"crowd-{number}", *members, bench="crowd"))

    def all_enforced() -> bool:
        """The policy is enforced on every container."""
        status = world.policy(space, "crowd").get("status", {})
        return bool(status.get("enforced") == PODS * CONTAINERS)

    eventually(all_enforced, 300)


def empty(world: World) -> None:
    """Remove what `fill` started."""
    world.delete_policy(observer.NAMESPACE, "crowd")
    world.core.delete_collection_namespaced_pod(
        observer.NAMESPACE, label_selector="bench=crowd", grace_period_seconds=0
    )


def pid_of(shell: observer.Shell, pattern: str) -> int:
    """Find a process of the node by its command line; the first one started."""
    script = (
        "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | "
        f"grep -q -- '{pattern}' && echo ${{p#/proc/}}; done"
    )
    found = [int(line) for line in shell.ask(script)]
    if not found:
        raise RuntimeError(f"no process on the node has `{pattern}` in its command line")
    return min(found)


def ticks(shell: observer.Shell, pid: int) -> int:
    """Read a process's user and system time in clock ticks (proc_pid_stat(5))."""
    (line,) = shell.ask(f"cat /proc/{pid}/stat")
    fields = line.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def resident(shell: observer.Shell, pid: int) -> int:
    """Read VmRSS in KiB."""
    (line,) = shell.ask(f"grep VmRSS /proc/{pid}/status")
    return int(line.split()[1])
