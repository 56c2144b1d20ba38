"""Kill to OOMKill in the API, against kill to the kubelet's status, on the same kills.

The kill's moment is the kernel's own stamp of its `Killed process` line; both arrivals are taken
by watches on this machine.
"""

import re
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from kubernetes import watch

from bench import observer
from bench.figures import spread, table
from e2e.workloads import hog, pod
from e2e.world import GROUP, VERSION, World, eventually

KILLS = 24
_KILLED = re.compile(r"Memory cgroup out of memory: Killed process (\d+) \(hog\)")


class Arrivals(threading.Thread):
    """Notes when something first came by a watch, by pod name."""

    def __init__(self, each: Callable[[dict[str, Any]], str | None], **listing: Any) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, tuple[float, Any]] = {}
        self._each, self._listing = each, listing

    def run(self) -> None:
        function = self._listing.pop("function")
        args = self._listing.pop("args", ())
        for event in watch.Watch().stream(function, *args, timeout_seconds=600):
            found = event["object"]
            plain = found if isinstance(found, dict) else found.to_dict()
            if name := self._each(plain):
                self.seen.setdefault(name, (time.monotonic(), plain))


def told(kill: dict[str, Any]) -> str:
    """Every record counts."""
    return str(kill["pod"]["name"])


def called_oom(pod_object: dict[str, Any]) -> str | None:
    """The kubelet's status calls a container OOMKilled."""
    for status in pod_object["status"].get("container_statuses") or []:
        ended = status["state"].get("terminated") or status["last_state"].get("terminated") or {}
        if ended.get("reason") in {"OOMKilled", "Error"}:
            return str(pod_object["metadata"]["name"])
    return None


def main(world: World) -> None:
    """Kill one container after another, and print both latencies."""
    observer.start(world)
    space = observer.NAMESPACE
    custom = world.custom.list_namespaced_custom_object
    records = Arrivals(told, function=custom, args=(GROUP, VERSION, space, "oomkills"))
    statuses = Arrivals(called_oom, function=world.core.list_namespaced_pod, args=(space,))
    records.start()
    statuses.start()
    names = [f"quiet-{time.time_ns()}-{number}" for number in range(KILLS)]
    stamps: dict[int, float] = {}
    with observer.Shell(world.cluster) as shell:
        clock = shell.printk_clock()
        for name in names:
            world.apply(pod(space, name, hog(world.cluster.busybox_image)))
            eventually(partial(both_came, name, records, statuses), 120)
            world.core.delete_namespaced_pod(name, space, grace_period_seconds=0)
            # After each kill: the ring buffer holds some twenty dumps.
            for pid, stamp in killed(shell.ask("dmesg | grep 'Killed process'")):
                stamps.setdefault(pid, clock.here(stamp))
    report(names, stamps, records.seen, statuses.seen, clock)


def both_came(name: str, records: Arrivals, statuses: Arrivals) -> bool:
    """Both reports of the kill have come."""
    return name in records.seen and name in statuses.seen


def killed(lines: list[str]) -> list[tuple[int, float]]:
    """Give each victim's pid with the kernel's own stamp in seconds since boot."""
    found = [(_KILLED.search(line), line) for line in lines]
    return [(int(match[1]), observer.stamp(line)) for match, line in found if match]


def report(
    names: list[str],
    moments: dict[int, float],
    records: dict[str, tuple[float, Any]],
    statuses: dict[str, tuple[float, Any]],
    clock: observer.Clock,
) -> None:
    """Print p50 and max of both."""
    died = {name: moments[records[name][1]["victims"][0]["pid"]] for name in names}
    ours = [records[name][0] - at for name, at in died.items()]
    kubelet = [statuses[name][0] - at for name, at in died.items()]
    words = [word(statuses[name][1]) for name in names]
    table(
        f"Kill to its report in the API, seconds ({len(names)} quiet kills; clock error up to "
        f"{clock.error * 1000:.0f} ms)",
        [
            ("OOMKill", spread(ours)),
            ("kubelet's status", spread(kubelet)),
            ("  of these called OOMKilled at first", f"{words.count('OOMKilled')} of {len(words)}"),
        ],
    )


def word(pod_object: dict[str, Any]) -> str:
    """Give the reason that the kubelet's status told first."""
    (status, *_) = pod_object["status"]["container_statuses"]
    ended = status["state"].get("terminated") or status["last_state"].get("terminated")
    return str(ended["reason"])
