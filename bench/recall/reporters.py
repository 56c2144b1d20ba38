"""Who is judged beside the log's readers: each collects reports as they arrive.

Moments are of this machine's monotonic clock.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from kubernetes import client, watch
from urllib3.exceptions import HTTPError

from bench.recall.judge import Report
from bench.recall.kernel_log import Trouble
from bench.recall.pods import Json, Pods, ended
from bench.recall.truth import place_of, pod_uid
from e2e.lab.errors import LabError
from e2e.world import GROUP, VERSION, World

SCRAPE_SECONDS = 5.0
AT_ONCE = 5
"""Records of one container that oomwarden's budget lets through at once; it holds later ones."""
_SERIES = re.compile(r"^container_oom_events_total\{(?P<labels>[^}]*)\} (?P<value>\S+)")
_ID = re.compile(r'id="([^"]*)"')


class Watcher(threading.Thread):
    """Takes every object of a watch; begins anew when the watch ends, and says so if it broke."""

    def __init__(
        self,
        take: Callable[[Json, float], None],
        listing: Callable[..., Any],
        trouble: Trouble,
    ) -> None:
        super().__init__(daemon=True)
        self._take, self._listing, self._trouble = take, listing, trouble
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                for event in watch.Watch().stream(self._listing, timeout_seconds=300):
                    self._take(event["raw_object"], time.monotonic())
            except (client.ApiException, HTTPError) as error:
                self._trouble(f"a watch began anew: {type(error).__name__}")
                self._ended.wait(1)

    def end(self) -> None:
        """Take no more."""
        self._ended.set()


class Records:
    """oomwarden: the OOMKills of the node, each once."""

    def __init__(self, world: World, node: str, trouble: Trouble) -> None:
        self.reports: list[Report] = []
        self.causes: list[tuple[Report, str]] = []
        self._node, self._seen = node, set[str]()
        self._told: Counter[tuple[str, str]] = Counter()
        listing = world.custom.list_cluster_custom_object
        self.watcher = Watcher(
            self.take, lambda **how: listing(GROUP, VERSION, "oomkills", **how), trouble
        )

    def take(self, kill: Json, now: float) -> None:
        """Take a record, in any state of its life."""
        uid = str(kill["metadata"]["uid"])
        if uid in self._seen or kill["node"] != self._node:
            return
        self._seen.add(uid)
        container, pod = kill.get("container", {}), str(kill["pod"]["uid"])
        whose = (pod, container.get("id") or container.get("name") or "")
        held = self._told[whose] >= AT_ONCE
        self._told[whose] += 1
        report = Report(pod, container.get("id"), now, kill["kills"], held, container.get("name"))
        self.reports.append(report)
        self.causes.append((report, str(kill["cause"])))


class Statuses:
    """The kubelet: a container's status that ever said OOMKilled, by the container's id."""

    def __init__(self, world: World, node: str, trouble: Trouble) -> None:
        self.reports: list[Report] = []
        self.last: dict[str, str] = {}
        self.pods = Pods()
        self._node, self._seen = node, set[str]()
        self.watcher = Watcher(self.take, world.core.list_pod_for_all_namespaces, trouble)

    def take(self, pod: Json, now: float) -> None:
        """Take a pod's state."""
        if (pod.get("spec") or {}).get("nodeName") != self._node:
            return
        self.pods.take(pod)
        for container, reason in ended(pod.get("status") or {}):
            self.last[container] = reason
            if reason == "OOMKilled" and container not in self._seen:
                self._seen.add(container)
                self.reports.append(Report(str(pod["metadata"]["uid"]), container, now))


class Metric(threading.Thread):
    """The kubelet's container_oom_events_total, scraped every 5 s as a monitoring system would."""

    def __init__(self, world: World, node: str, trouble: Trouble) -> None:
        super().__init__(daemon=True)
        self.reports: list[Report] = []
        self._world, self._node, self._trouble = world, node, trouble
        self._values: dict[str, float] = {}
        self._one_at_a_time = threading.Lock()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(SCRAPE_SECONDS):
            self.scrape()

    def scrape(self) -> None:
        """Take what the metric says now."""
        with self._one_at_a_time:
            where = f"/api/v1/nodes/{self._node}/proxy/metrics/cadvisor"
            try:
                text = self._world.cluster.kubectl("get", "--raw", where)
            except LabError as error:
                self._trouble(f"a scrape of the kubelet failed: {str(error).splitlines()[-1]}")
                return
            self.take(text, time.monotonic())

    def take(self, text: str, now: float) -> None:
        """Take an exposition: a series that is new began at 0."""
        for path, value in series(text):
            more = int(value - self._values.get(path, 0.0))
            self._values[path] = value
            place = place_of(path)
            pod, container = (place.pod, place.container) if place else (pod_uid(path), None)
            if more > 0 and pod:
                self.reports += [Report(pod, container, now)] * more

    def end(self) -> None:
        """Scrape no more."""
        self._ended.set()


def series(text: str) -> Iterable[tuple[str, float]]:
    """Read the metric's series out of an exposition: cgroup path and value."""
    for line in text.splitlines():
        found = _SERIES.match(line)
        path = _ID.search(found["labels"]) if found else None
        if found and path:
            yield path[1], float(found["value"])
