"""The agent's resident memory, and its CPU time relative to the kubelet's, with 30 containers."""

import time

from bench import observer
from bench.figures import table
from e2e.workloads import container, pod, policy
from e2e.world import World, eventually

PODS, CONTAINERS = 10, 3
SECONDS = 180
_KIB = 1024


def main(world: World) -> None:
    """Start idle containers under a policy, and print the agent's memory and CPU time."""
    observer.start(world)
    fill(world)
    with observer.Shell(world.cluster) as shell:
        agent, kubelet = pid_of(shell, "oomwarden-agent"), pid_of(shell, "/kubelet ")
        time.sleep(30)  # start-up is a figure of its own
        before = ticks(shell, agent), ticks(shell, kubelet)
        time.sleep(SECONDS)
        after = ticks(shell, agent), ticks(shell, kubelet)
        rss = resident(shell, agent)
    ours, theirs = after[0] - before[0], after[1] - before[1]
    empty(world)
    table(
        f"The agent on a node with {PODS * CONTAINERS} containers, over {SECONDS} s",
        [
            ("resident memory, MiB", f"{rss / _KIB:.1f}"),
            ("CPU time relative to the kubelet's", f"{100 * ours / theirs:.1f} %"),
            ("CPU ticks of agent and kubelet", f"{ours} and {theirs}"),
        ],
    )


def fill(world: World) -> None:
    """Start the pods, and wait until the policy is enforced on all of them."""
    space, image = observer.NAMESPACE, world.cluster.busybox_image
    world.apply(policy(space, "footprint", {"bench": "footprint"}, {"oomScoreAdj": -400}))
    for number in range(PODS):
        members = [container(f"c{n}", image, "sleep", "100000") for n in range(CONTAINERS)]
        world.apply(pod(space, f"footprint-{number}", *members, bench="footprint"))

    def all_enforced() -> bool:
        """The policy is enforced on every container."""
        status = world.policy(space, "footprint").get("status", {})
        return bool(status.get("enforced") == PODS * CONTAINERS)

    eventually(all_enforced, 300)


def empty(world: World) -> None:
    """Delete what `fill` created."""
    world.delete_policy(observer.NAMESPACE, "footprint")
    world.core.delete_collection_namespaced_pod(
        observer.NAMESPACE, label_selector="bench=footprint", grace_period_seconds=0
    )


def pid_of(shell: observer.Shell, pattern: str) -> int:
    """Return the lowest PID on the node whose command line contains the pattern."""
    script = (
        "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | "
        f"grep -q -- '{pattern}' && echo ${{p#/proc/}}; done"
    )
    found = [int(line) for line in shell.run(script)]
    if not found:
        raise RuntimeError(f"no process on the node has {pattern!r} in its command line")
    return min(found)


def ticks(shell: observer.Shell, pid: int) -> int:
    """Return a process's user and system time in clock ticks (proc_pid_stat(5))."""
    (line,) = shell.run(f"cat /proc/{pid}/stat")
    fields = line.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def resident(shell: observer.Shell, pid: int) -> int:
    """Return VmRSS in KiB."""
    (line,) = shell.run(f"grep VmRSS /proc/{pid}/status")
    return int(line.split()[1])
