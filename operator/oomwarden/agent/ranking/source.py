"""What is ranked: all processes, read when someone asks, one reading at a time."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct, field

from oomwarden.agent.enforcement.tracker import Tracker
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.runtime.worker import KernelWorker
from oomwarden.core.badness.machine_reading import (
    MachineReading,
    MachineTotals,
    RankedContainer,
)
from oomwarden.core.badness.rank_report import RankReport
from oomwarden.core.badness.score_origin import ScoreFacts
from oomwarden.core.model.pod import PodFacts
from oomwarden.kernel.container.candidates import PAGE_SIZE, CandidateReading, read_candidates
from oomwarden.kernel.host import Host
from oomwarden.kernel.roots import HostRoots

KEPT_SECONDS = 1.0
PAUSE = "pause"
"""The name that a pod's sandbox is given here; it has none of its own."""


class RankSource(Struct):
    """Ranks the processes of this node; a ranking serves everyone who asks within a second.

    Attributes:
        node: The node's name.
        roots: The host's cgroups and processes.
        host: The host's memory.
        tracker: The containers, and which policies govern them.
        nested: Returns whether the kubelet runs in a container itself.
        worker: Reads in a thread.
    """

    node: str
    roots: HostRoots
    host: Host
    tracker: Tracker
    nested: Callable[[], bool]
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "ranking"))
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last: tuple[float, RankReport] | None = None

    async def report(self) -> RankReport:
        """Return a ranking that is a second old at most.

        Raises:
            StuckError: The kernel does not answer.
            OSError: The processes cannot be read.
        """
        async with self._turn:
            if self._last is None or time.monotonic() - self._last[0] >= KEPT_SECONDS:
                self._last = None
                report = await self._read()
                self._last = time.monotonic(), report
            asyncio.get_running_loop().call_later(2 * KEPT_SECONDS, self._forget)
            return self._last[1]

    def _forget(self) -> None:
        """Free the memory of a ranking that is too old to serve."""
        if self._last is not None and time.monotonic() - self._last[0] >= KEPT_SECONDS:
            self._last = None

    async def _read(self) -> RankReport:
        containers = list(self.tracker.view.inventory.containers.values())
        is_nested = self.nested() or not self.host.in_initial_pid_namespace()
        work = partial(
            read_candidates,
            self.roots,
            [each.cgroup for each in containers],
            is_first_namespace=not is_nested,
        )
        found = await self.worker.run("ranking", work)
        return RankReport(self._reading(containers, found, is_nested=is_nested))

    def _reading(
        self, containers: list[Container], found: CandidateReading, *, is_nested: bool
    ) -> MachineReading:
        host = self.host
        memory = MachineTotals(
            host.total_memory(),
            host.total_swap(),
            host.meminfo().get("MemAvailable"),
            host.swappiness(),
            PAGE_SIZE,
        )
        ranked = [self._ranked(each, found, index) for index, each in enumerate(containers)]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return MachineReading(
            self.node, now, memory, found.candidates, found.unread, ranked, found.pods, is_nested
        )

    def _ranked(self, container: Container, found: CandidateReading, index: int) -> RankedContainer:
        inventory = self.tracker.view.inventory
        pod, facts = inventory.pod(container.cgroup), inventory.container(container)
        is_sandbox = pod is not None and facts is None and container.name is None
        name = PAUSE if is_sandbox else facts.name if facts else container.name
        return RankedContainer(
            namespace=pod.namespace if pod else None,
            pod=pod.name if pod else None,
            name=name,
            pod_path=container.cgroup.path.rpartition("/")[0],
            memory=found.containers[index],
            facts=self._score_facts(container, pod, is_sandbox=is_sandbox),
        )

    def _score_facts(
        self, container: Container, pod: PodFacts | None, *, is_sandbox: bool
    ) -> ScoreFacts:
        baseline = self.tracker.baselines.get(container)
        tracked = self.tracker.containers.get(container.cgroup.inode)
        winner = (
            tracked.decision.evaluation.selection.winner if tracked and tracked.decision else None
        )
        planned = tracked.plan.values if tracked and tracked.plan and winner else frozenset()
        return ScoreFacts(
            baseline=baseline.value if baseline else None,
            assigned=(baseline.written if baseline else frozenset()) | planned,
            policy=f"{winner.policy.kind}/{winner.policy.name}" if winner else "",
            qos=str(pod.qos) if pod else "",
            priority_class=pod.priority_class if pod else None,
            is_sandbox=is_sandbox,
        )
