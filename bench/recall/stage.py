"""Where scenarios play: a namespace of their own, hands on the node, and all who are judged."""

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
"""The kubelet's status takes up to 55 s in a storm (measured); after that nothing more comes."""
LATE_SECONDS, GONE_SECONDS = 10.0, 90.0
GO = "/run/oomwarden-recall"
_COUNTS = (
    "grep -H -E '^oom_(group_)?kill ' /host/cgroup/kubepods*/memory.events "
    "/host/cgroup/kubepods*/*pod*/memory.events /host/cgroup/kubepods*/*/*pod*/memory.events "
    "2>/dev/null"
)


@dataclass
class Act:
    """A scenario that plays or has played.

    `since` and `until` are numbers of log lines; `began` and `ended` are monotonic seconds.
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
class Stage:
    """Everybody who listens; the acts so far."""

    world: World
    shell: observer.Shell
    node: str
    memory: int
    """Of the node, in bytes."""
    troubles: list[str]
    log: KernelLog
    records: Records
    statuses: Statuses
    metric: Metric
    acts: list[Act] = field(default_factory=list)

    @property
    def image(self) -> str:
        """The image with `hog`."""
        return self.world.cluster.busybox_image

    @property
    def act(self) -> Act:
        """The scenario that plays."""
        return self.acts[-1]

    @property
    def namespace(self) -> str:
        """Where the scenario plays."""
        return self.act.namespace

    def begin(self, name: str) -> None:
        """Give a scenario a namespace; what the log and the counters had is not its own."""
        namespace = f"recall-{name}-{time.monotonic_ns() % 10**8}"
        self.world.make_namespace(namespace)
        clock, since, counted = self.shell.printk_clock(), len(self.log.lines), self.counted()
        self.troubles.clear()
        self.acts.append(Act(name, namespace, clock, since, time.monotonic(), counted, counted))

    def end(self) -> None:
        """Close the scenario's books and take its pods away."""
        self.act.until, self.act.ended = len(self.log.lines), time.monotonic()
        self.act.remarks += [f"{what} ({n} x)" for what, n in Counter(self.troubles).items()]
        self.world.core.delete_namespace(self.namespace, grace_period_seconds=0)
        end = time.monotonic() + GONE_SECONDS
        listed = self.world.core.list_namespaced_pod
        while listed(self.namespace).items and time.monotonic() < end:
            time.sleep(1)  # what ends would slow the next scenario down

    def counted(self) -> Counts:
        """Read the kernel's own counts, of kubepods and its pods."""
        return counters.read(self.shell.ask(_COUNTS))

    def apply(self, manifest: Manifest) -> None:
        """Create a pod on the node that is watched."""
        manifest["spec"]["nodeName"] = self.node
        self.world.apply(manifest)

    def on_node(self, command: str) -> list[str]:
        """Run a command among the node's own mounts."""
        return self.shell.ask(f"nsenter -t 1 -m -- sh -c '{command}'")

    def truth(self, act: Act) -> tuple[list[Kill], list[str]]:
        """Give an act's kills on this machine's clock, and where log and counters disagree."""
        pods = self.statuses.pods
        logged = [
            Kill(pods.place(kill.place), act.clock.here(kill.at or 0.0))
            for kill in truth.kills(self.log.lines[act.since : act.until])
        ]
        return counters.settle(act.now.since(act.before), logged, pods.containers)

    def killed(self, number: int, seconds: float = 180) -> None:
        """Wait until the kernel has killed so often."""

        def enough() -> bool:
            """The kernel has killed as often as the scenario means it to."""
            return len(self.look()) >= number

        eventually(enough, seconds)

    def look(self) -> list[Kill]:
        """Read the counters; the scenario's kills so far."""
        self.act.now = self.act.now.latest(self.counted())
        return self.truth(self.act)[0]

    def settle(self) -> None:
        """Wait until everybody has told all, or nothing more is to be expected."""
        end = time.monotonic() + PATIENCE_SECONDS

        def over() -> bool:
            """Everybody told every kill."""
            self.look()
            scores = self.scores(self.act).values()
            return time.monotonic() > end or all(score.found == score.true for score in scores)

        eventually(over, 3 * PATIENCE_SECONDS, every=1)
        self.metric.scrape()  # once more, while the pods are there

    def scores(self, act: Act) -> dict[str, Score]:
        """Judge everybody on an act's kills."""
        kills, _ = self.truth(act)
        reporters = (self.records.reports, self.log.reports, self.statuses.reports)
        told = (*reporters, self.metric.reports)
        named = self.statuses.pods.named
        return {
            name: judge(kills, [named(report) for report in self._of(act, reports)])
            for name, reports in zip(NAMES, told, strict=True)
        }

    def _of(self, act: Act, reports: list[Report]) -> list[Report]:
        return [report for report in list(reports) if self._is_of(act, report)]

    def _is_of(self, act: Act, report: Report) -> bool:
        """A report belongs to its pod's scenario, however late; of other pods: to its moment."""
        namespace = self.statuses.pods.namespaces.get(report.pod)
        if namespace in {one.namespace for one in self.acts}:
            return namespace == act.namespace
        return act.began <= report.at < act.ended

    def causes(self, act: Act) -> Counter[str]:
        """Count oomwarden's records of an act by cause."""
        return Counter(cause for report, cause in self.records.causes if self._is_of(act, report))

    def last_words(self, act: Act) -> tuple[int, int]:
        """Count killed containers that the kubelet's status calls OOMKilled at last, and all."""
        killed = {kill.place for kill in self.truth(act)[0]}
        places, last = self.statuses.pods.places, self.statuses.last
        called = {places[one] for one, word in last.items() if word == "OOMKilled"}
        return len(killed & called), len(killed)


def follow(world: World, shell: observer.Shell, node: str) -> Stage:
    """Let everybody begin to listen."""
    troubles: list[str] = []
    trouble = troubles.append
    log, metric = KernelLog(world, trouble), Metric(world, node, trouble)
    records, statuses = Records(world, node, trouble), Statuses(world, node, trouble)
    metric.scrape()
    metric.reports.clear()  # what was before this run is nobody's
    for thread in (log, records.watcher, statuses.watcher, metric):
        thread.start()
    memory = str(world.core.read_node(node).status.capacity["memory"])
    stage = Stage(world, shell, node, bytes_of(memory), troubles, log, records, statuses, metric)
    eventually(lambda: bool(log.lines) and bool(statuses.pods.namespaces), 60)
    return stage


def leave(stage: Stage) -> None:
    """Wait for what comes late or twice; then let nobody listen any more."""
    time.sleep(LATE_SECONDS)
    for one in (stage.log, stage.metric, stage.records.watcher, stage.statuses.watcher):
        one.end()


def bytes_of(quantity: str) -> int:
    """Read a node's memory as the kubelet writes it: `4005492Ki`."""
    return int(quantity.removesuffix("Ki")) << 10
