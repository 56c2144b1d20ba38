"""The reporters beside the reader of the log; each collects its reports as they arrive.

Times are of this machine's monotonic clock.
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
from bench.recall.pods import Json, Pods, terminations
from bench.recall.truth import place_of, pod_uid
from e2e.lab.errors import LabError
from e2e.world import GROUP, VERSION, World

SCRAPE_SECONDS = 5.0
UNDELAYED_RECORDS = 5
"""OOMKills of one container that oomwarden's budget writes immediately; it defers later ones."""
_SERIES = re.compile(r"^container_oom_events_total\{(?P<labels>[^}]*)\} (?P<value>\S+)")
_ID = re.compile(r'id="([^"]*)"')


class Watcher(threading.Thread):
    """Handles every object of a watch, which is restarted when it ends; failures are noted."""

    def __init__(
        self,
        handle: Callable[[Json, float], None],
        listing: Callable[..., Any],
        trouble: Trouble,
    ) -> None:
        super().__init__(daemon=True)
        self._handle, self._listing, self._trouble = handle, listing, trouble
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                for event in watch.Watch().stream(self._listing, timeout_seconds=300):
                    self._handle(event["raw_object"], time.monotonic())
            except (client.ApiException, HTTPError) as error:
                self._trouble(f"a watch was interrupted: {type(error).__name__}")
                self._ended.wait(1)

    def end(self) -> None:
        """Stop watching."""
        self._ended.set()


class Records:
    """oomwarden: the node's OOMKills, each once."""

    def __init__(self, world: World, node: str, trouble: Trouble) -> None:
        self.reports: list[Report] = []
        self.causes: list[tuple[Report, str]] = []
        self._node, self._seen = node, set[str]()
        self._counts: Counter[tuple[str, str]] = Counter()
        listing = world.custom.list_cluster_custom_object
        self.watcher = Watcher(
            self.add, lambda **how: listing(GROUP, VERSION, "oomkills", **how), trouble
        )

    def add(self, kill: Json, now: float) -> None:
        """Add an OOMKill; later versions of it are ignored."""
        uid = str(kill["metadata"]["uid"])
        if uid in self._seen or kill["node"] != self._node:
            return
        self._seen.add(uid)
        container, pod = kill.get("container", {}), str(kill["pod"]["uid"])
        key = (pod, container.get("id") or container.get("name") or "")
        deferred = self._counts[key] >= UNDELAYED_RECORDS
        self._counts[key] += 1
        report = Report(
            pod, container.get("id"), now, kill["kills"], deferred, container.get("name")
        )
        self.reports.append(report)
        self.causes.append((report, str(kill["cause"])))


class Statuses:
    """The kubelet: containers whose status ever had the reason OOMKilled, by container ID."""

    def __init__(self, world: World, node: str, trouble: Trouble) -> None:
        self.reports: list[Report] = []
        self.last: dict[str, str] = {}
        self.pods = Pods()
        self._node, self._seen = node, set[str]()
        self.watcher = Watcher(self.update, world.core.list_pod_for_all_namespaces, trouble)

    def update(self, pod: Json, now: float) -> None:
        """Update a pod."""
        if (pod.get("spec") or {}).get("nodeName") != self._node:
            return
        self.pods.update(pod)
        for container, reason in terminations(pod.get("status") or {}):
            self.last[container] = reason
            if reason == "OOMKilled" and container not in self._seen:
                self._seen.add(container)
                self.reports.append(Report(str(pod["metadata"]["uid"]), container, now))


class Metric(threading.Thread):
    """The kubelet's container_oom_events_total, scraped every 5 s like by a monitoring system."""

    def __init__(self, world: World, node: str, trouble: Trouble) -> None:
        super().__init__(daemon=True)
        self.reports: list[Report] = []
        self._world, self._node, self._trouble = world, node, trouble
        self._values: dict[str, float] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(SCRAPE_SECONDS):
            self.scrape()

    def scrape(self) -> None:
        """Scrape the metric now."""
        with self._lock:
            where = f"/api/v1/nodes/{self._node}/proxy/metrics/cadvisor"
            try:
                text = self._world.cluster.kubectl("get", "--raw", where)
            except LabError as error:
                self._trouble(f"a scrape of the kubelet failed: {str(error).splitlines()[-1]}")
                return
            self.add_sample(text, time.monotonic())

    def add_sample(self, text: str, now: float) -> None:
        """Add an exposition; a new series started at 0."""
        for path, value in series(text):
            more = int(value - self._values.get(path, 0.0))
            self._values[path] = value
            place = place_of(path)
            pod, container = (place.pod, place.container) if place else (pod_uid(path), None)
            if more > 0 and pod:
                self.reports += [Report(pod, container, now)] * more

    def end(self) -> None:
        """Stop scraping."""
        self._ended.set()


def series(text: str) -> Iterable[tuple[str, float]]:
    """Yield cgroup path and value of the metric's series in an exposition."""
    for line in text.splitlines():
        found = _SERIES.match(line)
        path = _ID.search(found["labels"]) if found else None
        if found and path:
            yield path[1], float(found["value"])
