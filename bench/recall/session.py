"""A run of the benchmark: the node, the reporters, and the scenarios with their namespaces."""

import time
from collections import Counter
from dataclasses import dataclass, field

from bench import observer
from bench.recall import counters, truth
from bench.recall.counters import Counts
from bench.recall.judge import Report, Score, judge
from bench.recall.kernel_log import KernelLog
from bench.recall.reporters import Metric, Records, Statuses
from bench.recall.truth import Kill
from e2e.workloads import Manifest
from e2e.world import World, eventually

OURS, LINES, STATUS, METRIC = NAMES = (
    "oomwarden", "oom-kill: lines", "kubelet's status", "kubelet's metric",
)  # fmt: skip
PATIENCE_SECONDS = 75.0
"""Longest wait for reports: the kubelet's status takes up to 55 s in a storm (measured)."""
LATE_SECONDS, GONE_SECONDS = 10.0, 90.0
GO = "/run/oomwarden-recall"
_COUNTS = (
    "grep -H -E '^oom_(group_)?kill ' /host/cgroup/kubepods*/memory.events "
    "/host/cgroup/kubepods*/*pod*/memory.events /host/cgroup/kubepods*/*/*pod*/memory.events "
    "2>/dev/null"
)


@dataclass
class ScenarioRun:
    """One run of a scenario.

    Attributes:
        name: The scenario.
        namespace: Where its pods are.
        clock: Converts the kernel log's timestamps.
        since: Number of log lines before it.
        began: Monotonic seconds.
        before: The counters before it.
        now: The counters as last read.
        until: Number of log lines at its end.
        ended: Monotonic seconds.
        remarks: What the table shows beside the scores.
    """

    name: str
    namespace: str
    clock: observer.Clock
    since: int
    began: float
    before: Counts
    now: Counts
    until: int | None = None
    ended: float = float("inf")
    remarks: list[str] = field(default_factory=list)


@dataclass
class Session:
    """The node, all reporters, and the scenario runs so far."""

    world: World
    shell: observer.Shell
    node: str
    memory: int
    """The node's memory in bytes."""
    troubles: list[str]
    log: KernelLog
    records: Records
    statuses: Statuses
    metric: Metric
    runs: list[ScenarioRun] = field(default_factory=list)

    @property
    def image(self) -> str:
        """The image that has `hog`."""
        return self.world.cluster.busybox_image

    @property
    def current(self) -> ScenarioRun:
        """The current scenario run."""
        return self.runs[-1]

    @property
    def namespace(self) -> str:
        """The namespace of the current scenario run."""
        return self.current.namespace

    def begin(self, name: str) -> None:
        """Start a scenario in a new namespace; earlier log lines and counts are not part of it."""
        namespace = f"recall-{name}-{time.monotonic_ns() % 10**8}"
        self.world.make_namespace(namespace)
        clock, since, counted = self.shell.printk_clock(), len(self.log.lines), self.counted()
        self.troubles.clear()
        self.runs.append(
            ScenarioRun(name, namespace, clock, since, time.monotonic(), counted, counted)
        )

    def end(self) -> None:
        """End the scenario, and delete its pods."""
        self.current.until, self.current.ended = len(self.log.lines), time.monotonic()
        self.current.remarks += [f"{what} ({n} x)" for what, n in Counter(self.troubles).items()]
        self.world.core.delete_namespace(self.namespace, grace_period_seconds=0)
        end = time.monotonic() + GONE_SECONDS
        listed = self.world.core.list_namespaced_pod
        while listed(self.namespace).items and time.monotonic() < end:
            time.sleep(1)  # terminating pods would slow down the next scenario

    def counted(self) -> Counts:
        """Read the kernel's counters of kubepods and its pods."""
        return counters.read(self.shell.run(_COUNTS))

    def apply(self, manifest: Manifest) -> None:
        """Create a pod on the observed node."""
        manifest["spec"]["nodeName"] = self.node
        self.world.apply(manifest)

    def on_node(self, command: str) -> list[str]:
        """Run a command in the node's mount namespace."""
        return self.shell.run(f"nsenter -t 1 -m -- sh -c '{command}'")

    def truth(self, scenario: ScenarioRun) -> tuple[list[Kill], list[str]]:
        """Return a scenario's kills on this machine's clock, and where log and counters differ."""
        pods = self.statuses.pods
        logged = [
            Kill(pods.place(kill.place), scenario.clock.to_local(kill.at or 0.0))
            for kill in truth.kills(self.log.lines[scenario.since : scenario.until])
        ]
        return counters.reconcile(scenario.now.since(scenario.before), logged, pods.containers)

    def wait_for_kills(self, number: int, seconds: float = 180) -> None:
        """Wait until the kernel has counted this many kills of the scenario."""

        def enough() -> bool:
            """The kernel has counted all kills of the scenario."""
            return len(self.kills_so_far()) >= number

        eventually(enough, seconds)

    def kills_so_far(self) -> list[Kill]:
        """Read the counters, and return the scenario's kills so far."""
        self.current.now = self.current.now.latest(self.counted())
        return self.truth(self.current)[0]

    def wait_for_reports(self) -> None:
        """Wait until all reporters have reported all kills, or no more reports are expected."""
        end = time.monotonic() + PATIENCE_SECONDS

        def over() -> bool:
            """Every reporter has reported every kill, or the time is over."""
            self.kills_so_far()
            scores = self.scores(self.current).values()
            return time.monotonic() > end or all(score.found == score.true for score in scores)

        eventually(over, 3 * PATIENCE_SECONDS, every=1)
        self.metric.scrape()  # once more, before the pods are deleted

    def scores(self, scenario: ScenarioRun) -> dict[str, Score]:
        """Score all reporters on a scenario's kills."""
        kills, _ = self.truth(scenario)
        reporters = (self.records.reports, self.log.reports, self.statuses.reports)
        all_reports = (*reporters, self.metric.reports)
        named = self.statuses.pods.with_name
        return {
            name: judge(kills, [named(report) for report in self._of(scenario, reports)])
            for name, reports in zip(NAMES, all_reports, strict=True)
        }

    def _of(self, scenario: ScenarioRun, reports: list[Report]) -> list[Report]:
        return [report for report in list(reports) if self._is_of(scenario, report)]

    def _is_of(self, scenario: ScenarioRun, report: Report) -> bool:
        """Assign a report to its pod's scenario, however late; one of another pod by its time."""
        namespace = self.statuses.pods.namespaces.get(report.pod)
        if namespace in {one.namespace for one in self.runs}:
            return namespace == scenario.namespace
        return scenario.began <= report.at < scenario.ended

    def causes(self, scenario: ScenarioRun) -> Counter[str]:
        """Count oomwarden's OOMKills of a scenario by cause."""
        return Counter(
            cause for report, cause in self.records.causes if self._is_of(scenario, report)
        )

    def last_reasons(self, scenario: ScenarioRun) -> tuple[int, int]:
        """Count the killed containers whose last reason is OOMKilled, and all killed containers."""
        killed = {kill.place for kill in self.truth(scenario)[0]}
        places, last = self.statuses.pods.places, self.statuses.last
        called = {places[one] for one, reason in last.items() if reason == "OOMKilled"}
        return len(killed & called), len(killed)


def start_reporters(world: World, shell: observer.Shell, node: str) -> Session:
    """Start all reporters."""
    troubles: list[str] = []
    trouble = troubles.append
    log, metric = KernelLog(world, trouble), Metric(world, node, trouble)
    records, statuses = Records(world, node, trouble), Statuses(world, node, trouble)
    metric.scrape()
    metric.reports.clear()  # counts from before this run are not reports
    for thread in (log, records.watcher, statuses.watcher, metric):
        thread.start()
    memory = str(world.core.read_node(node).status.capacity["memory"])
    session = Session(
        world, shell, node, bytes_of(memory), troubles, log, records, statuses, metric
    )
    eventually(lambda: bool(log.lines) and bool(statuses.pods.namespaces), 60)
    return session


def stop_reporters(session: Session) -> None:
    """Wait for late reports and duplicates, then stop all reporters."""
    time.sleep(LATE_SECONDS)
    for one in (session.log, session.metric, session.records.watcher, session.statuses.watcher):
        one.end()


def bytes_of(quantity: str) -> int:
    """Parse a node's memory as the kubelet writes it: `4005492Ki`."""
    return int(quantity.removesuffix("Ki")) << 10
