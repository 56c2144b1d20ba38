"""Time from a program's start to its score, and to the kubelet showing the container Running.

The program itself measures: it reads its own score at its first instruction, and then until the
score changes. Its process is older: it is the container runtime's until exec. If the score was set
before the program started, the time from that process's start to the first instruction is printed,
which overestimates. Times are seconds since the node's boot, in steps of 10 ms. The goal is a score
that is set before the program starts.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench import observer
from bench.figures import spread, table
from bench.latency import Arrivals
from e2e.workloads import container, pod, policy
from e2e.world import World, eventually

STARTS = 20
ONE_BY_ONE, CONCURRENT = "one by one", "all at the same time"
GOALS = {ONE_BY_ONE: 95, CONCURRENT: 80}
"""Percent of starts with the score set before the program starts."""
RUNNING_GOAL = 99
"""Percent of starts with the score set before the kubelet shows Running."""
SCORE = -321
TICKS = 100
"""Clock ticks a second in /proc/PID/stat (USER_HZ), on every architecture of a node."""
_SCRIPT = (
    f"want={SCORE}; read start r < /proc/uptime; read score < /proc/self/oom_score_adj; "
    "first=$score; read stat < /proc/self/stat; set -- $stat; born=${22}; "
    "while [ $score != $want ]; do sleep 0.02; read score < /proc/self/oom_score_adj; done; "
    "read end r < /proc/uptime; echo started $start set $end first $first born $born; sleep 100000"
)


@dataclass(frozen=True)
class Start:
    """What one program printed; times in seconds since the node's boot.

    Attributes:
        born: Start of its process.
        began: Its first instruction.
        scored: When it saw the score.
        scored_first: Whether the score was set at its first instruction.
    """

    born: float
    began: float
    scored: float
    scored_first: bool


def running(pod_object: dict[str, Any]) -> str | None:
    """Return the pod's name if the kubelet shows all its containers Running; else None."""
    statuses = pod_object["status"].get("container_statuses") or []
    shown = bool(statuses) and all(status["state"].get("running") for status in statuses)
    return str(pod_object["metadata"]["name"]) if shown else None


def main(world: World) -> None:
    """Start containers one by one, then all at the same time; print the times."""
    observer.start(world)
    space = observer.NAMESPACE
    world.apply(policy(space, "starts", {"bench": "starts"}, {"oomScoreAdj": SCORE}))
    shown = Arrivals(running, function=world.core.list_namespaced_pod, args=(space,))
    shown.start()
    with observer.Shell(world.cluster) as shell:
        clock = shell.uptime_clock()
    try:
        report(one_by_one(world, shown), shown, clock, ONE_BY_ONE)
        report(together(world, shown), shown, clock, CONCURRENT)
    finally:
        world.delete_policy(space, "starts")
        world.core.delete_collection_namespaced_pod(
            space, label_selector="bench=starts", grace_period_seconds=0
        )


def one_by_one(world: World, shown: Arrivals) -> dict[str, Start]:
    """Start a container, wait for its output, and delete it before the next one."""
    started: dict[str, Start] = {}
    for name in _names("start"):
        _start(world, name)
        started[name] = _start_times(world, shown, name)
        world.core.delete_namespaced_pod(name, observer.NAMESPACE, grace_period_seconds=0)
    return started


def together(world: World, shown: Arrivals) -> dict[str, Start]:
    """Start all containers, then read their output."""
    names = _names("together")
    for name in names:
        _start(world, name)
    return {name: _start_times(world, shown, name) for name in names}


def _names(what: str) -> list[str]:
    run = time.time_ns()
    return [f"{what}-{run}-{number}" for number in range(STARTS)]


def _start(world: World, name: str) -> None:
    described = container("app", world.cluster.busybox_image, "sh", "-c", _SCRIPT, limit="64Mi")
    world.apply(pod(observer.NAMESPACE, name, described, bench="starts"))


def _start_times(world: World, shown: Arrivals, name: str) -> Start:
    words = eventually(lambda: printed_words(world, name), 180)
    eventually(lambda: name in shown.seen, 180)
    born = int(words[7]) / TICKS
    return Start(born, float(words[1]), float(words[3]), words[5] == str(SCORE))


def printed_words(world: World, name: str) -> list[str]:
    """Return what the program printed, once it is complete; else an empty list."""
    args = ("logs", "-n", observer.NAMESPACE, name, "--ignore-errors")
    words = world.cluster.kubectl(*args).split() if running_now(world, name) else []
    return words if "set" in words else []


def running_now(world: World, name: str) -> bool:
    """Return whether the pod has a container with output."""
    return world.pod(observer.NAMESPACE, name).status.phase in {"Running", "Succeeded", "Failed"}


def _from_birth(starts: dict[str, Start]) -> Iterator[float]:
    return (one.scored - one.born for one in starts.values())


def part(number: int, of: int, goal: int) -> str:
    """Format a share and its goal, in percent."""
    return f"{number} of {of}, {100 * number / of:.0f} % (goal {goal} %)"


def report(starts: dict[str, Start], shown: Arrivals, clock: observer.Clock, how: str) -> None:
    """Print the times, and how often the score was set before program and Running."""
    kubelet = {
        name: shown.seen[name][0] - clock.to_local(one.began) for name, one in starts.items()
    }
    waits = {name: one.scored - one.began for name, one in starts.items()}
    before_program = sum(one.scored_first for one in starts.values())
    before_running = sum(waits[name] < kubelet[name] for name in starts)
    table(
        f"Time from a program's start to ..., seconds ({len(starts)} starts, {how})",
        [
            ("its score, from the start of its process", spread([*_from_birth(starts)])),
            ("its score", spread(list(waits.values()))),
            ("status Running of the kubelet", spread(list(kubelet.values()))),
            ("score set before the program", part(before_program, len(starts), GOALS[how])),
            ("score set before Running", part(before_running, len(starts), RUNNING_GOAL)),
        ],
    )
