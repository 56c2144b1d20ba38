"""Where scenarios play: a namespace of their own, hands on the node, and all who are judged."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import observer
from bench.recall import truth
from bench.recall.judge import Score, judge
from bench.recall.reporters import KernelLog, Metric, Records, Statuses
from bench.recall.truth import Kill
from e2e.workloads import Manifest
from e2e.world import World, eventually

NAMES = ("oomwarden", "oom-kill: lines", "kubelet's status", "kubelet's metric")
PATIENCE_SECONDS = 75.0
"""The kubelet's status takes up to 55 s in a storm (measured); after that nothing more comes."""
GO = "/run/oomwarden-recall"
_COUNTS = "cat /host/cgroup/kubepods*/memory.events | sed -n 's/^oom_\\(group_\\)*kill //p'"


@dataclass
class Stage:
    """`since` is the number of log lines before the scenario."""

    world: World
    shell: observer.Shell
    clock: observer.Clock
    log: KernelLog
    records: Records
    statuses: Statuses
    metric: Metric
    namespace: str = ""
    since: int = 0
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def image(self) -> str:
        """The image with `hog`."""
        return self.world.cluster.busybox_image

    def begin(self, name: str) -> None:
        """Give the scenario a namespace, and forget what was before."""
        self.namespace = f"recall-{name}-{time.monotonic_ns() % 10**8}"
        self.world.core.create_namespace({"metadata": {"name": self.namespace}})
        self.since = len(self.log.lines)
        self.before = self.counted()
        for reporter in (self.records, self.statuses, self.metric, self.log):
            reporter.reports.clear()
        self.records.causes.clear()
        self.statuses.last.clear()

    def counted(self) -> tuple[int, int]:
        """Read the kernel's own counts below kubepods: processes killed, group kills."""
        kills, *groups = (int(line) for line in self.shell.ask(_COUNTS))
        return kills, sum(groups)  # a kernel before 5.17 does not count groups

    def apply(self, manifest: Manifest) -> None:
        """Create what the scenario needs."""
        self.world.apply(manifest)

    def on_node(self, command: str) -> list[str]:
        """Run a command among the node's own mounts."""
        return self.shell.ask(f"nsenter -t 1 -m -- sh -c '{command}'")

    def truth(self) -> list[Kill]:
        """Give the scenario's kills so far, on this machine's clock."""
        happened = truth.kills(self.log.lines[self.since :])
        return [Kill(kill.place, self.clock.here(kill.at)) for kill in happened]

    def killed(self, number: int, seconds: float = 180) -> None:
        """Wait until the kernel has killed so often."""

        def enough() -> bool:
            """The kernel has killed as often as the scenario means it to."""
            return len(self.truth()) >= number

        eventually(enough, seconds)

    def settle(self) -> None:
        """Wait until everybody has told all, or nothing more is to be expected."""
        end = time.monotonic() + PATIENCE_SECONDS

        def over() -> bool:
            """Everybody told every kill."""
            scores = self.scores().values()
            return time.monotonic() > end or all(score.found == score.true for score in scores)

        eventually(over, 2 * PATIENCE_SECONDS)

    def scores(self) -> dict[str, Score]:
        """Judge everybody on the kills so far."""
        happened = self.truth()
        told = (self.records, self.log, self.statuses, self.metric)
        return {
            name: judge(happened, list(one.reports)) for name, one in zip(NAMES, told, strict=True)
        }

    def end(self) -> None:
        """Take the scenario's pods away."""
        self.world.core.delete_namespace(self.namespace, grace_period_seconds=0)


def follow(world: World, shell: observer.Shell, node: str) -> Stage:
    """Let everybody begin to listen."""
    log, records, statuses = KernelLog(world), Records(world), Statuses(world)
    metric = Metric(world, node)
    for thread in (log, records.watcher, statuses.watcher, metric):
        thread.start()
    stage = Stage(world, shell, shell.printk_clock(), log, records, statuses, metric)
    _wait(lambda: bool(log.lines))
    return stage


def _wait(look: Callable[[], bool]) -> None:
    eventually(look, 60)


def leave(stage: Stage) -> None:
    """Let nobody listen any more."""
    stage.log.end()
    stage.metric.end()
    stage.records.watcher.end()
    stage.statuses.watcher.end()
