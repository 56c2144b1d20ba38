"""Who is judged: each collects reports as they arrive, on this machine's monotonic clock."""

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from kubernetes import watch

from bench import observer
from bench.recall import truth
from bench.recall.judge import Report
from bench.recall.truth import LogLine, place_of
from e2e.world import GROUP, VERSION, World

Json = dict[str, Any]
SCRAPE_SECONDS = 5.0
AT_ONCE = 5
"""Records of one container that oomwarden's budget lets through at once; it holds later ones."""
_SERIES = re.compile(r"^container_oom_events_total\{(?P<labels>[^}]*)\} (?P<value>\S+)")
_ID = re.compile(r'id="([^"]*)"')


class KernelLog(threading.Thread):
    """Follows /dev/kmsg through the observer; also what reads only `oom-kill:` lines of it."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        kubectl = str(world.cluster.programs["kubectl"])
        where = ("exec", "-n", observer.NAMESPACE, observer.NAME, "--")
        follow = "while true; do cat /dev/kmsg; done"  # a reader that was overrun begins anew
        self._process = subprocess.Popen(
            [kubectl, *where, "sh", "-c", follow],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=world.cluster.environment(),
        )
        self._began = time.monotonic()
        self.lines: list[LogLine] = []
        self.reports: list[Report] = []
        self.lost = 0

    def run(self) -> None:
        for record in self._process.stdout or ():
            line = truth.parse_line(record.decode(errors="replace").rstrip("\n"))
            if line is not None:
                self._take(line)

    def _take(self, line: LogLine) -> None:
        last = self.lines[-1].number if self.lines else None
        if last is not None and line.number <= last:
            return
        self.lines.append(line)
        place = truth.chosen(line)
        if place is not None:
            self.reports.append(Report(place.pod, place.container, time.monotonic()))

    def end(self) -> None:
        """Stop following."""
        self._process.terminate()
        self._process.wait()


class Watcher(threading.Thread):
    """Takes every object of a watch; begins anew when the watch ends."""

    def __init__(self, take: Callable[[Json, float], None], listing: Callable[..., Any]) -> None:
        super().__init__(daemon=True)
        self._take, self._listing = take, listing
        self._ended = False

    def run(self) -> None:
        while not self._ended:
            for event in watch.Watch().stream(self._listing, timeout_seconds=300):
                self._take(event["raw_object"], time.monotonic())

    def end(self) -> None:
        """Take no more."""
        self._ended = True


class Records:
    """oomwarden: the OOMKills, each once by its name."""

    def __init__(self, world: World) -> None:
        self.reports: list[Report] = []
        self.causes: list[str] = []
        self._seen: set[str] = set()
        listing = world.custom.list_cluster_custom_object
        self.watcher = Watcher(self._take, lambda **how: listing(GROUP, VERSION, "oomkills", **how))

    def _take(self, kill: Json, now: float) -> None:
        uid = str(kill["metadata"]["uid"])
        if uid not in self._seen:
            self._seen.add(uid)
            container, pod = kill.get("container", {}).get("id"), str(kill["pod"]["uid"])
            earlier = sum((one.pod, one.container) == (pod, container) for one in self.reports)
            held = earlier >= AT_ONCE
            self.reports.append(Report(pod, container, now, kill["kills"], held))
            self.causes.append(kill["cause"])


class Statuses:
    """The kubelet: a container's status that ever said OOMKilled, by the container's id."""

    def __init__(self, world: World) -> None:
        self.reports: list[Report] = []
        self.last: dict[str, str] = {}
        self._seen: set[str] = set()
        self.watcher = Watcher(self._take, world.core.list_pod_for_all_namespaces)

    def _take(self, pod: Json, now: float) -> None:
        uid = str(pod["metadata"]["uid"])
        for container, reason in ended(pod.get("status") or {}):
            self.last[container] = reason
            if reason == "OOMKilled" and container not in self._seen:
                self._seen.add(container)
                self.reports.append(Report(uid, container, now))


def ended(status: Json) -> Iterable[tuple[str, str]]:
    """Give id and reason of every container that a pod's status tells to have ended."""
    for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(kind) or ():
            for state in ("state", "lastState"):
                over = (each.get(state) or {}).get("terminated") or {}
                if over.get("containerID"):
                    yield over["containerID"].rpartition("//")[2], over.get("reason", "")


class Metric(threading.Thread):
    """The kubelet's container_oom_events_total, scraped every 5 s as a monitoring system would."""

    def __init__(self, world: World, node: str) -> None:
        super().__init__(daemon=True)
        self.reports: list[Report] = []
        self._world, self._node = world, node
        self._values: dict[str, float] = {}
        self._end = threading.Event()

    def run(self) -> None:
        for _, value, path in self._scrape():
            self._values[path] = value  # what was before this run is nobody's
        while not self._end.wait(SCRAPE_SECONDS):
            for place, value, path in self._scrape():
                more = int(value - self._values.get(path, 0.0))
                self._values[path] = value
                if more > 0:
                    now = time.monotonic()
                    self.reports += [Report(place.pod, place.container, now)] * more

    def _scrape(self) -> list[tuple[truth.Place, float, str]]:
        where = f"/api/v1/nodes/{self._node}/proxy/metrics/cadvisor"
        text = self._world.cluster.kubectl("get", "--raw", where)
        return list(series(text))

    def end(self) -> None:
        """Scrape no more."""
        self._end.set()


def series(text: str) -> Iterable[tuple[truth.Place, float, str]]:
    """Read the metric's series of containers out of an exposition."""
    for line in text.splitlines():
        found = _SERIES.match(line)
        path = _ID.search(found["labels"]) if found else None
        place = place_of(path[1]) if path else None
        if found and path and place:
            yield place, float(found["value"]), path[1]
