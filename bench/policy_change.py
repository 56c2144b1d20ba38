"""A full node of 110 pods with 300 processes: how long a changed policy takes, and what it costs.

A process on the node watches all scores and says when the last one has changed. The emulated node
is slower than its host: the same loop is timed on both, and the node's seconds are given as they
are and divided by that factor.
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
TOGETHER = 10  # an emulated node that starts more at once takes longer for each
PROCESSES = 3  # of a pod, about: every third pod has one child less
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
    """Fill the node, change the policy, and print time and cost."""
    node = observer.start(world)
    room = int(world.core.read_node(node).status.allocatable["pods"]) - _pods(world, node)
    number = min(PODS, room)
    _apply(world, FIRST)
    try:
        fill(world, number)
        took, processes = change(world, node)
        slower = factor(world)
        cost = idle(world)
    finally:
        empty(world)
    table(
        f"A policy changes for {number} pods with {processes} processes",
        [
            ("first to last score, node's seconds", f"{took:.2f}"),
            ("one loop takes longer on the node than on its host", f"{slower:.1f} times"),
            ("first to last score, at the host's speed", f"{took / slower:.2f} (goal 2)"),
            *cost,
        ],
    )


def _apply(world: World, score: int) -> None:
    labels = {"bench": "full"}
    world.apply(policy(observer.NAMESPACE, "full", labels, {"oomScoreAdj": score}))


def _pods(world: World, node: str) -> int:
    found = world.core.list_pod_for_all_namespaces(field_selector=f"spec.nodeName={node}")
    return len(found.items) + 1  # the watcher


def fill(world: World, number: int) -> None:
    """Start the pods, and wait until the policy holds on all of them."""
    for each in range(number):
        children = "sleep 100000 & " * (PROCESSES - 1 - (each % 3 == 0))
        script = f"{children} sleep 100000"
        app = container("app", world.cluster.busybox_image, "sh", "-c", script, request="8Mi")
        world.apply(pod(observer.NAMESPACE, f"full-{each}", app, bench="full"))
        if each % TOGETHER == TOGETHER - 1:
            world.running(observer.NAMESPACE, f"full-{each}")

    def enforced() -> bool:
        """The policy is enforced in every pod."""
        status = world.policy(observer.NAMESPACE, "full").get("status", {})
        return bool(status.get("enforced") == number)

    eventually(enforced, 1800, every=5)


def change(world: World, node: str) -> tuple[float, int]:
    """Change the score; gives the seconds from the first to the last process, and their number."""
    watcher = container("python", _image(world), "sleep", "100000")
    watcher["securityContext"] = {"privileged": True, "runAsUser": 0}
    described = pod(observer.NAMESPACE, WATCHER, watcher, bench=WATCHER)
    described["spec"] |= {"hostPID": True, "nodeName": node}
    world.apply(described)
    world.running(observer.NAMESPACE, WATCHER)
    kubectl = str(world.cluster.programs["kubectl"])
    where = (kubectl, "exec", "-n", observer.NAMESPACE, WATCHER, "--", "python3", "-c")
    line = (*where, _WATCH, str(FIRST), str(SECOND))
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, text=True, env=world.cluster.environment()
    ) as watching:
        found = _answer(watching)["found"]
        _apply(world, SECOND)
        seconds = float(_answer(watching)["seconds"])
    return seconds, int(found)


def _answer(watching: "subprocess.Popen[str]") -> dict[str, Any]:
    line = watching.stdout.readline() if watching.stdout else ""
    if not line:
        raise RuntimeError("the watcher on the node ended before it answered")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _image(world: World) -> str:
    (daemons,) = world.apps.list_namespaced_daemon_set("oomwarden").items
    return str(daemons.spec.template.spec.containers[0].image)


def factor(world: World) -> float:
    """Time one loop on the node and here; gives by how much the node is slower."""
    args = ("exec", "-n", observer.NAMESPACE, WATCHER, "--", "python3", "-c", _LOOP)
    there = min(float(world.cluster.kubectl(*args)) for _ in range(3))
    here = min(
        float(subprocess.run((sys.executable, "-c", _LOOP), capture_output=True, check=True).stdout)
        for _ in range(3)
    )
    return there / here


def idle(world: World) -> list[tuple[str, str]]:
    """Measure what the agent takes beside a full node, under a policy that holds."""
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
        ("agent's CPU, of one core of the node", f"{ours / SECONDS:.1f} %"),
        ("agent's CPU as a part of the kubelet's", f"{100 * ours / theirs:.1f} %"),
    ]


def empty(world: World) -> None:
    """Remove what was started, however far it came."""
    world.delete_policy(observer.NAMESPACE, "full")
    world.core.delete_collection_namespaced_pod(
        observer.NAMESPACE, label_selector=f"bench in (full,{WATCHER})", grace_period_seconds=0
    )
