"""From state to OOMNode: parts and loops that report."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from oomwarden.agent.flows.kills import KillFlow
from oomwarden.agent.flows.node import Node
from oomwarden.agent.flows.outlook import OutlookFlow
from oomwarden.agent.flows.scores import ScoreFlow
from oomwarden.agent.flows.watches import ApiWatches
from oomwarden.agent.ranking.access import RankAccess
from oomwarden.agent.ranking.endpoint import RankService
from oomwarden.agent.ranking.on_demand import RankOnDemand
from oomwarden.agent.reporting.current_findings import CurrentFindings
from oomwarden.agent.reporting.node_services import NodeServicesMonitor
from oomwarden.agent.reporting.node_status import NodeStatusBuilder, ReportInputs
from oomwarden.agent.reporting.policy_reports import PolicyReporter
from oomwarden.agent.reporting.status_writer import NodeStatusWriter
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.kube import oomnodes
from oomwarden.probes.loops import Loop, age_since

if TYPE_CHECKING:
    from oomwarden.agent.ranking.source import RankSource


class StatusFlow:
    """Reads what the other flows have found; changes nothing of theirs."""

    def __init__(
        self,
        node: Node,
        kills: KillFlow,
        scores: ScoreFlow,
        watches: ApiWatches,
        outlook: OutlookFlow,
    ) -> None:
        self._node, self._kills, self._scores, self._watches = node, kills, scores, watches
        self._outlook = outlook
        settings, signals = node.settings, node.signals
        self.services = NodeServicesMonitor(
            node.roots,
            node.host.total_memory(),
            signals.findings_changed,
            scores.tracker.lowers_scores,
        )
        self.policies = PolicyReporter(
            scores.tracker,
            scores.baselines,
            scores.groups,
            scores.requests,
            self.services.outranked_by,
        )
        self.findings = CurrentFindings(
            self.policies.report, signals.findings, self._versions, scores.metrics.reported
        )
        self.builder = NodeStatusBuilder(
            settings, node.host, node.store, kills.kernel, kills.log, node.client, node.unreadable
        )
        self.rank_access = RankAccess(node.client, settings.node)
        self.rank_source = RankOnDemand(partial(_rank_source, node, kills, scores))
        self.rank = RankService(
            settings.rank_port,
            (settings.namespace, settings.pod),
            self.rank_access.decide,
            self.rank_source.report,
        )
        self.writer = NodeStatusWriter(
            self._status,
            partial(oomnodes.write_status, node.client, settings.node),
            signals.status,
            settings.report_seconds,
            node.pressure.node_count,
            self._glance,
        )

    async def run(self, history: asyncio.Task[bool]) -> None:
        """Write OOMNode, which names this store, once the earlier one was read.

        Resizes are evaluated before the first report: one that asks for none withdraws them.
        """
        await history
        await self._node.view.limits.wait_for_sync()
        self._scores.requests.evaluate()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._scores.requests.run(), name="resize-requests")
            group.create_task(self.rank.run(), name="rank")
            group.create_task(self.writer.run(), name="status")

    def loops(self) -> list[Loop]:
        """List the loops; none of them makes the agent unhealthy."""
        return [
            Loop("outranked", age_since(lambda: self.services.progress)),
            Loop("status", age_since(lambda: self.writer.progress)),
        ]

    async def _status(self) -> OOMNodeStatus:
        node, kills, scores = self._node, self._kills, self._scores
        found = self.findings.current()
        return await self.builder.status(
            ReportInputs(
                policies=found,
                unknown_fields=node.view.policies.unknown_fields(),
                host_kills=await kills.host_kills.count(),
                asked=scores.requests.asked,
                groups_left=scores.groups.unrestorable,
                delivery=kills.deliverer.trouble(),
                records=node.pressure.merge_remedy(node.inventory.pods.values()),
                beyond_bounds=self._watches.beyond_bounds(),
                outlook=self._outlook.reporter.report(),
                rank=self.rank.published,
            )
        )

    def _versions(self) -> object:
        tracker = self._scores.tracker
        return self._node.view.inventory.version, tracker.evaluator.versions, tracker.mode

    def _glance(self) -> object:
        """Return what no signal tells of and costs little: most of what conditions say."""
        node, kills, killed = self._node, self._kills, 0
        with suppress(OSError, ValueError):
            killed = node.host.oom_kills()
        return (
            kills.kernel.unavailable_reason,
            kills.kernel.blindness,
            kills.kernel.layout.remedy,
            kills.log.state,
            node.store.degraded,
            node.store.in_memory,
            node.pressure.current(),
            self._watches.policies.overdue() | self._watches.cluster_policies.overdue(),
            self.rank.published,
            killed,
            kills.host_kills.is_unconfirmed,
        )


def _rank_source(node: Node, kills: KillFlow, scores: ScoreFlow) -> "RankSource":
    from oomwarden.agent.ranking.source import RankSource  # noqa: PLC0415 - 0.3 MiB

    return RankSource(
        node.settings.node, node.roots, node.host, scores.tracker, lambda: kills.kernel.nested
    )
