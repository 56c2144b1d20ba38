"""A policy change on a full node of 110 pods with 300 processes: how long it takes, what it costs.

A process on the node polls all scores, and prints when the last one has changed. The emulated node
is slower than its host: the same loop is timed on both, and the node's seconds are printed as
measured and divided by that factor.
"""

import json
import subprocess
import sys
import time
from typing import Any

from bench import footprint, observer
from bench.figures import table
from e2e.workloads import container, pod, policy
from e2e.world import World, eventually

PODS = 110
CONCURRENT_STARTS = 10  # an emulated node that starts more at a time is slower for each
PROCESSES = 3  # in a pod; every third pod has one fewer
WATCHER = "full-watcher"
SECONDS = 120
FIRST, SECOND = -321, -322
_MIB = 1024
_LOOP = (
    "import time; began = time.process_time(); n = 0\n"
    "for i in range(2_000_000): n += i\n"
    "print(time.process_time() - began)"
)
_WATCH = """\
import glob, json, os, sys, time
old, new = sys.argv[1].encode(), sys.argv[2].encode()
files = {}
for path in glob.glob("/proc/[0-9]*/oom_score_adj"):
    try:
        fd = os.open(path, os.O_RDONLY)
        if os.pread(fd, 8, 0).strip() == old:
            files[path] = fd
    except OSError:
        pass
print(json.dumps({"found": len(files)}), flush=True)
first = None
while files:
    for path, fd in list(files.items()):
        try:
            now = os.pread(fd, 8, 0).strip()
        except OSError:
            now = new
        if now == new:
            first = first or time.monotonic()
            os.close(files.pop(path))
print(json.dumps({"seconds": time.monotonic() - first}), flush=True)
"""


def main(world: World) -> None:
    """Fill the node, change the policy, and print the time and the cost."""
    node = observer.start(world)
    free = int(world.core.read_node(node).status.allocatable["pods"]) - _pods(world, node)
    number = min(PODS, free)
    apply_policy(world, FIRST)
    try:
        fill(world, number)
        took, processes = change(world, node)
        slower = factor(world)
        cost = idle(world)
    finally:
        empty(world)
    table(
        f"A policy change for {number} pods with {processes} processes",
        [
            ("first to last score, seconds on the node", f"{took:.2f}"),
            ("the node is slower than its host by", f"{slower:.1f} times"),
            ("first to last score, seconds at the host's speed", f"{took / slower:.2f} (goal 2)"),
            *cost,
        ],
    )


def apply_policy(world: World, score: int) -> None:
    """Apply the policy that selects the pods of `fill`."""
    labels = {"bench": "full"}
    world.apply(policy(observer.NAMESPACE, "full", labels, {"oomScoreAdj": score}))


def _pods(world: World, node: str) -> int:
    found = world.core.list_pod_for_all_namespaces(field_selector=f"spec.nodeName={node}")
    return len(found.items) + 1  # plus the watcher


def fill(world: World, number: int) -> None:
    """Start the pods, and wait until the policy is enforced on all of them."""
    for each in range(number):
        children = "sleep 100000 & " * (PROCESSES - 1 - (each % 3 == 0))
        script = f"{children} sleep 100000"
        app = container("app", world.cluster.busybox_image, "sh", "-c", script, request="8Mi")
        world.apply(pod(observer.NAMESPACE, f"full-{each}", app, bench="full"))
        if each % CONCURRENT_STARTS == CONCURRENT_STARTS - 1:
            world.wait_until_running(observer.NAMESPACE, f"full-{each}")

    def enforced() -> bool:
        """The policy is enforced in every pod."""
        status = world.policy(observer.NAMESPACE, "full").get("status", {})
        return bool(status.get("enforced") == number)

    eventually(enforced, 1800, every=5)


def change(world: World, node: str) -> tuple[float, int]:
    """Change the score; return the seconds from the first to the last process, and their number."""
    watcher = container("python", _image(world), "sleep", "100000")
    watcher["securityContext"] = {"privileged": True, "runAsUser": 0}
    described = pod(observer.NAMESPACE, WATCHER, watcher, bench=WATCHER)
    described["spec"] |= {"hostPID": True, "nodeName": node}
    world.apply(described)
    world.wait_until_running(observer.NAMESPACE, WATCHER)
    kubectl = str(world.cluster.programs["kubectl"])
    where = (kubectl, "exec", "-n", observer.NAMESPACE, WATCHER, "--", "python3", "-c")
    line = (*where, _WATCH, str(FIRST), str(SECOND))
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, text=True, env=world.cluster.environment()
    ) as watching:
        found = _answer(watching)["found"]
        apply_policy(world, SECOND)
        seconds = float(_answer(watching)["seconds"])
    return seconds, int(found)


def _answer(watching: "subprocess.Popen[str]") -> dict[str, Any]:
    line = watching.stdout.readline() if watching.stdout else ""
    if not line:
        raise RuntimeError("the watcher on the node exited without an answer")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _image(world: World) -> str:
    (daemons,) = world.apps.list_namespaced_daemon_set("oomwarden").items
    return str(daemons.spec.template.spec.containers[0].image)


def factor(world: World) -> float:
    """Time one loop on the node and on this machine; return the ratio."""
    args = ("exec", "-n", observer.NAMESPACE, WATCHER, "--", "python3", "-c", _LOOP)
    there = min(float(world.cluster.kubectl(*args)) for _ in range(3))
    here = min(
        float(subprocess.run((sys.executable, "-c", _LOOP), capture_output=True, check=True).stdout)
        for _ in range(3)
    )
    return there / here


def idle(world: World) -> list[tuple[str, str]]:
    """Measure the agent on a full node while the policy does not change."""
    with observer.Shell(world.cluster) as shell:
        agent = footprint.pid_of(shell, "oomwarden-agent")
        kubelet = footprint.pid_of(shell, "/kubelet ")
        time.sleep(30)
        before = footprint.ticks(shell, agent), footprint.ticks(shell, kubelet)
        time.sleep(SECONDS)
        ours = footprint.ticks(shell, agent) - before[0]
        theirs = footprint.ticks(shell, kubelet) - before[1]
        resident = footprint.resident(shell, agent)
    return [
        ("agent's resident memory, MiB", f"{resident / _MIB:.1f} (goal 45)"),
        ("agent's CPU time, % of one core", f"{ours / SECONDS:.1f}"),
        ("agent's CPU time, % of the kubelet's", f"{100 * ours / theirs:.1f}"),
    ]


def empty(world: World) -> None:
    """Delete everything that was created, also after a failure."""
    world.delete_policy(observer.NAMESPACE, "full")
    world.core.delete_collection_namespaced_pod(
        observer.NAMESPACE, label_selector=f"bench in (full,{WATCHER})", grace_period_seconds=0
    )
