"""Start of a container's program to the score on it, against the kubelet showing it Running.

The program itself tells: it reads its own score at its first instruction and then until it
changes. Times are /proc/uptime of the node, in steps of 10 ms.
"""

import time
from typing import Any

from bench import observer
from bench.figures import spread, table
from bench.latency import Arrivals
from e2e.workloads import container, pod, policy
from e2e.world import World, eventually

STARTS = 20
SCORE = -321
_SCRIPT = (
    f"want={SCORE}; read start r < /proc/uptime; read score < /proc/self/oom_score_adj; "
    "first=$score; "
    "while [ $score != $want ]; do sleep 0.02; read score < /proc/self/oom_score_adj; done; "
    "read end r < /proc/uptime; echo started $start set $end first $first; sleep 100000"
)


def running(pod_object: dict[str, Any]) -> str | None:
    """The kubelet shows the container Running."""
    statuses = pod_object["status"].get("container_statuses") or []
    shown = bool(statuses) and all(status["state"].get("running") for status in statuses)
    return str(pod_object["metadata"]["name"]) if shown else None


def main(world: World) -> None:
    """Start containers one by one under a policy, and print both times."""
    observer.start(world)
    space, run = observer.NAMESPACE, str(time.time_ns())
    world.apply(policy(space, "starts", {"bench": "starts"}, {"oomScoreAdj": SCORE}))
    shown = Arrivals(running, function=world.core.list_namespaced_pod, args=(space,))
    shown.start()
    with observer.Shell(world.cluster) as shell:
        clock = shell.uptime_clock()
    told: dict[str, list[str]] = {}
    for number in range(STARTS):
        name = f"start-{run}-{number}"
        described = container("app", world.cluster.busybox_image, "sh", "-c", _SCRIPT, limit="64Mi")
        world.apply(pod(space, name, described, bench="starts"))
        told[name] = eventually(lambda name=name: said(world, name), 60)
        eventually(lambda name=name: name in shown.seen, 60)
        world.core.delete_namespaced_pod(name, space, grace_period_seconds=0)
    world.delete_policy(space, "starts")
    report(told, {name: at for name, (at, _) in shown.seen.items()}, clock)


def said(world: World, name: str) -> list[str]:
    """The program told when it started and when its score was set."""
    args = ("logs", "-n", observer.NAMESPACE, name, "--ignore-errors")
    words = world.cluster.kubectl(*args).split() if running_now(world, name) else []
    return words if "set" in words else []


def running_now(world: World, name: str) -> bool:
    """The pod has a container that can be asked for its output."""
    return world.pod(observer.NAMESPACE, name).status.phase in {"Running", "Succeeded", "Failed"}


def report(told: dict[str, list[str]], shown: dict[str, float], clock: observer.Clock) -> None:
    """Print p50 and max of both, and how often the score was there before the program."""
    starts = {name: float(words[1]) for name, words in told.items()}
    waits = [float(words[3]) - float(words[1]) for words in told.values()]
    before = sum(words[5] == str(SCORE) for words in told.values())
    kubelet = [shown[name] - clock.here(at) for name, at in starts.items()]
    table(
        f"Start of a container's program to ..., seconds ({len(told)} starts one by one)",
        [
            ("its score set", spread(waits)),
            ("the kubelet showing it Running", spread(kubelet)),
            ("score there before the program's first instruction", f"{before} of {len(told)}"),
        ],
    )
