"""From policy to process: parts and loops that enforce OOMPolicies.

naming -> scores      a container gets its name and baseline, then the scores of its plan
group-kill            memory.oom.group follows the policies
limits                resizes are asked of the operator
"""

import asyncio
from functools import partial

from oomwarden.agent.baselines.offsets import OffsetReferences
from oomwarden.agent.baselines.oom_group import GroupKillBaselines
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.enforcement.caps import Caps
from oomwarden.agent.enforcement.evaluator import Evaluator
from oomwarden.agent.enforcement.group_kill import GroupKillReconciler
from oomwarden.agent.enforcement.naming import ContainerNamer
from oomwarden.agent.enforcement.reconciler import ScoreReconciler
from oomwarden.agent.enforcement.scanner import Scanner
from oomwarden.agent.enforcement.tracker import Tracker
from oomwarden.agent.flows.node import LATE_SECONDS, Node
from oomwarden.agent.metrics.policy_metrics import PolicyMetrics
from oomwarden.agent.reporting.resize_requests import ResizeRequests
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.kube import oomnodes
from oomwarden.probes.loops import Loop, age_since


class ScoreFlow:
    """What is wanted (tracker), what is written (scores, groups), what is asked (requests)."""

    def __init__(self, node: Node) -> None:
        settings, signals = node.settings, node.signals
        self._node = node
        self.metrics = PolicyMetrics()
        self.baselines = Baselines(node.store, node.boot_id)
        self.group_baselines = GroupKillBaselines(node.store, node.boot_id)
        self.offsets = OffsetReferences(node.store, node.boot_id, capacity=node.host.total_memory())
        caps = Caps(settings.processes_per_second, settings.new_pods_per_minute)
        evaluator = Evaluator(node.view, Floor(settings.namespaced_floor), self.offsets)
        kept = (self.group_baselines, self.offsets)
        self.tracker = Tracker(node.view, evaluator, self.baselines, kept)
        self.scanner = Scanner(node.roots, caps, self.baselines.own)
        self.scores = ScoreReconciler(
            self.tracker,
            self.baselines,
            self.offsets,
            self.scanner,
            caps,
            signals.containers,
            signals.evaluated,
            signals.findings_changed,
            self.metrics.repaired,
        )
        self.groups = GroupKillReconciler(
            self.tracker,
            self.group_baselines,
            node.roots.cgroups,
            signals.group_kills,
            signals.findings_changed,
            settings.cgroup_writes,
        )
        self.requests = ResizeRequests(
            self.tracker, caps, signals.limits, signals.findings_changed, settings.report_seconds
        )
        self.naming = ContainerNamer(
            node.inventory,
            self.baselines,
            node.roots,
            signals.containers.set,
            signals.containers_changed,
        )

    async def run(self, history: asyncio.Task[bool]) -> None:
        """Enforce once it is known whether older values of oomwarden's are in place."""
        await self.baselines.begin(store_lost=await history)
        await self.group_baselines.load()
        await self.offsets.load()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.naming.run(), name="naming")
            group.create_task(self.scores.run(), name="enforce")
            group.create_task(self.groups.run(), name="group-kill")

    async def watch_labels(self) -> None:
        """Keep the labels of this node up to date until cancelled."""
        settings = self._node.settings
        labels = partial(oomnodes.read_node_labels, self._node.client, settings.node)
        await self._node.view.node.run(labels, settings.poll_seconds)

    def loops(self) -> list[Loop]:
        """List the loops; only those that write to the kernel can make the agent unhealthy."""
        return [
            Loop("naming", age_since(lambda: self.naming.progress), LATE_SECONDS),
            Loop("enforce", age_since(lambda: self.scores.progress), LATE_SECONDS),
            Loop("group-kill", age_since(lambda: self.groups.progress), LATE_SECONDS),
            Loop("resize-requests", age_since(lambda: self.requests.progress)),
            Loop("node-labels", age_since(lambda: self._node.view.node.progress)),
        ]

    def stuck_since(self) -> dict[str, float | None]:
        """Return since when each worker has been stuck in the kernel (`time.monotonic`)."""
        return {
            "naming": self.naming.worker.stuck_since,
            "enforce": self.scanner.worker.stuck_since,
            "commands": self.scanner.commands.stuck_since,
            "group-kill": self.groups.worker.stuck_since,
        }
