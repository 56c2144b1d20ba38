"""Start of a container's program to the score on it, against the kubelet showing it Running.

The program itself tells: it reads its own score at its first instruction and then until it
changes. Its process is older than that: the runtime's, until exec. Where the score was there before
the program, the time from that process to the score is given as that to the first instruction,
which is too long. Times are of the node since its boot, in steps of 10 ms. `Before its program` is
what the container was really started for: a score that is there from the first instruction on.
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
ONE_BY_ONE, AT_ONCE = "one by one", "all at once"
GOALS = {ONE_BY_ONE: 95, AT_ONCE: 80}
"""Percent of starts with the score before the program; and before the kubelet shows Running."""
RUNNING_GOAL = 99
SCORE = -321
TICKS = 100
"""Clock ticks a second in /proc/PID/stat (USER_HZ): the same on every architecture of a node."""
_SCRIPT = (
    f"want={SCORE}; read start r < /proc/uptime; read score < /proc/self/oom_score_adj; "
    "first=$score; read stat < /proc/self/stat; set -- $stat; born=${22}; "
    "while [ $score != $want ]; do sleep 0.02; read score < /proc/self/oom_score_adj; done; "
    "read end r < /proc/uptime; echo started $start set $end first $first born $born; sleep 100000"
)


@dataclass(frozen=True)
class Start:
    """One container's own words, in seconds since the node's boot."""

    born: float
    began: float
    scored: float
    at_once: bool


def running(pod_object: dict[str, Any]) -> str | None:
    """The kubelet shows the container Running."""
    statuses = pod_object["status"].get("container_statuses") or []
    shown = bool(statuses) and all(status["state"].get("running") for status in statuses)
    return str(pod_object["metadata"]["name"]) if shown else None


def main(world: World) -> None:
    """Start containers one by one, and then all at once, under a policy; print the times."""
    observer.start(world)
    space = observer.NAMESPACE
    world.apply(policy(space, "starts", {"bench": "starts"}, {"oomScoreAdj": SCORE}))
    shown = Arrivals(running, function=world.core.list_namespaced_pod, args=(space,))
    shown.start()
    with observer.Shell(world.cluster) as shell:
        clock = shell.uptime_clock()
    try:
        report(one_by_one(world, shown), shown, clock, ONE_BY_ONE)
        report(together(world, shown), shown, clock, AT_ONCE)
    finally:
        world.delete_policy(space, "starts")
        world.core.delete_collection_namespaced_pod(
            space, label_selector="bench=starts", grace_period_seconds=0
        )


def one_by_one(world: World, shown: Arrivals) -> dict[str, Start]:
    """Start a container, wait until it has told, and end it before the next one."""
    told: dict[str, Start] = {}
    for name in _names("start"):
        _start(world, name)
        told[name] = _word(world, shown, name)
        world.core.delete_namespaced_pod(name, observer.NAMESPACE, grace_period_seconds=0)
    return told


def together(world: World, shown: Arrivals) -> dict[str, Start]:
    """Start all containers, then hear them."""
    names = _names("crowd")
    for name in names:
        _start(world, name)
    return {name: _word(world, shown, name) for name in names}


def _names(what: str) -> list[str]:
    run = time.time_ns()
    return [f"{what}-{run}-{number}" for number in range(STARTS)]


def _start(world: World, name: str) -> None:
    described = container("app", world.cluster.busybox_image, "sh", "-c", _SCRIPT, limit="64Mi")
    world.apply(pod(observer.NAMESPACE, name, described, bench="starts"))


def _word(world: World, shown: Arrivals, name: str) -> Start:
    words = eventually(lambda: said(world, name), 180)
    eventually(lambda: name in shown.seen, 180)
    born = int(words[7]) / TICKS
    return Start(born, float(words[1]), float(words[3]), words[5] == str(SCORE))


def said(world: World, name: str) -> list[str]:
    """The program told when it started and when its score was set."""
    args = ("logs", "-n", observer.NAMESPACE, name, "--ignore-errors")
    words = world.cluster.kubectl(*args).split() if running_now(world, name) else []
    return words if "set" in words else []


def running_now(world: World, name: str) -> bool:
    """The pod has a container that can be asked for its output."""
    return world.pod(observer.NAMESPACE, name).status.phase in {"Running", "Succeeded", "Failed"}


def _from_birth(told: dict[str, Start]) -> Iterator[float]:
    return (one.scored - one.born for one in told.values())


def part(number: int, of: int, goal: int) -> str:
    """Write a share beside its goal, in percent."""
    return f"{number} of {of}, {100 * number / of:.0f} % (goal {goal} %)"


def report(told: dict[str, Start], shown: Arrivals, clock: observer.Clock, how: str) -> None:
    """Print the times, and how often the score was there before the program and before Running."""
    kubelet = {name: shown.seen[name][0] - clock.here(one.began) for name, one in told.items()}
    waits = {name: one.scored - one.began for name, one in told.items()}
    before_program = sum(one.at_once for one in told.values())
    before_running = sum(waits[name] < kubelet[name] for name in told)
    table(
        f"Start of a container's program to ..., seconds ({len(told)} starts {how})",
        [
            ("its score set, from its first process on", spread([*_from_birth(told)])),
            ("its score set", spread(list(waits.values()))),
            ("the kubelet showing it Running", spread(list(kubelet.values()))),
            ("score there before its program", part(before_program, len(told), GOALS[how])),
            ("score there before Running", part(before_running, len(told), RUNNING_GOAL)),
        ],
    )
