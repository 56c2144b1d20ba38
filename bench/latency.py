"""Time from a kill to its OOMKill, and to the kubelet's container status, for the same kills.

A kill's time is the kernel's timestamp of its `Killed process` line; watches on this machine record
both arrivals.
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
    """Records when a watch first returned something about a pod, by pod name."""

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


def pod_of_record(kill: dict[str, Any]) -> str:
    """Return the pod of an OOMKill: every OOMKill counts."""
    return str(kill["pod"]["name"])


def pod_with_oom_status(pod_object: dict[str, Any]) -> str | None:
    """Return the pod if its status shows a killed container, whatever the reason; else None."""
    for status in pod_object["status"].get("container_statuses") or []:
        ended = status["state"].get("terminated") or status["last_state"].get("terminated") or {}
        if ended.get("reason") in {"OOMKilled", "Error"}:
            return str(pod_object["metadata"]["name"])
    return None


def main(world: World) -> None:
    """Let one container after another be killed, and print both latencies."""
    observer.start(world)
    space = observer.NAMESPACE
    custom = world.custom.list_namespaced_custom_object
    records = Arrivals(pod_of_record, function=custom, args=(GROUP, VERSION, space, "oomkills"))
    statuses = Arrivals(pod_with_oom_status, function=world.core.list_namespaced_pod, args=(space,))
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
            # After each kill, because the ring buffer holds only some twenty dumps.
            for pid, stamp in victims(shell.run("dmesg | grep 'Killed process'")):
                stamps.setdefault(pid, clock.to_local(stamp))
    report(names, stamps, records.seen, statuses.seen, clock)


def both_came(name: str, records: Arrivals, statuses: Arrivals) -> bool:
    """Both reports of the kill have arrived."""
    return name in records.seen and name in statuses.seen


def victims(lines: list[str]) -> list[tuple[int, float]]:
    """Return each victim's PID and the kernel's timestamp in seconds since boot."""
    found = [(_KILLED.search(line), line) for line in lines]
    return [(int(match[1]), observer.stamp(line)) for match, line in found if match]


def report(
    names: list[str],
    moments: dict[int, float],
    records: dict[str, tuple[float, Any]],
    statuses: dict[str, tuple[float, Any]],
    clock: observer.Clock,
) -> None:
    """Print the distribution of both latencies."""
    died = {name: moments[records[name][1]["victims"][0]["pid"]] for name in names}
    ours = [records[name][0] - at for name, at in died.items()]
    kubelet = [statuses[name][0] - at for name, at in died.items()]
    reasons = [first_reason(statuses[name][1]) for name in names]
    table(
        f"Time from a kill to its report, seconds ({len(names)} single kills; clock error "
        f"up to {clock.error * 1000:.0f} ms)",
        [
            ("OOMKill", spread(ours)),
            ("kubelet's status", spread(kubelet)),
            (
                "  of these with reason OOMKilled at first",
                f"{reasons.count('OOMKilled')} of {len(reasons)}",
            ),
        ],
    )


def first_reason(pod_object: dict[str, Any]) -> str:
    """Return the reason that the kubelet's status had first."""
    (status, *_) = pod_object["status"]["container_statuses"]
    ended = status["state"].get("terminated") or status["last_state"].get("terminated")
    return str(ended["reason"])
