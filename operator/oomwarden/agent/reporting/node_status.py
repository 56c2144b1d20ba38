"""Builds the status of OOMNode: health, kernel, memory, what is applied, what was counted."""

import logging
import time
from datetime import UTC, datetime

from msgspec import Struct, field

from oomwarden import __version__
from oomwarden.agent.detection.kernel_log import KernelLogReader
from oomwarden.agent.detection.kubepods import KubepodsDetection
from oomwarden.agent.recording import agent_kills as own_pods
from oomwarden.agent.reporting.policy_reports import PolicyFindings
from oomwarden.agent.reporting.resize_requests import Asked
from oomwarden.agent.runtime.identity import memory_limit
from oomwarden.agent.runtime.settings import Settings
from oomwarden.agent.store.counters import counts as counts_in
from oomwarden.agent.store.database import Database
from oomwarden.api.base import Condition
from oomwarden.api.oomnode import AgentInfo, KernelInfo, KillCounts, OOMNodeStatus, RankEndpoint
from oomwarden.core.incidents import agent_kills
from oomwarden.core.incidents.agent_kills import AgentKills
from oomwarden.core.log_line.keys import about
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.reporting.delivery_problem import DeliveryProblem
from oomwarden.core.reporting.memory_outlook import MemoryOutlook
from oomwarden.core.reporting.node_conditions import NodeFindings, kernel_remedy, node_conditions
from oomwarden.core.reporting.node_memory import memory_info
from oomwarden.core.reporting.report_size import fit_reports
from oomwarden.kernel.cgroup import descriptors
from oomwarden.kernel.cgroup.oom_group import is_read_only
from oomwarden.kernel.host import Host
from oomwarden.kernel.overcommit import read_settings
from oomwarden.kube import oomnodes
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

MEMORY_SECONDS = 300.0
_LOG = logging.getLogger(__name__)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class ReportInputs(Struct, frozen=True):
    """What the other parts report.

    Attributes:
        policies: What enforcement has found.
        unknown_fields: Fields of policies that a newer CRD has.
        host_kills: Kills outside of pods.
        asked: The resizes that are asked for, and how many more wait.
        groups_left: Containers whose memory.oom.group cannot be put back.
        delivery: What the API server does not accept.
        records: Remedy and reason where records are merged harder than usual.
        beyond_bounds: Remedy and reason where not everything is cached.
        outlook: Near misses and patterns of containers.
        rank: Where processes are ranked; None if they are not.
    """

    policies: PolicyFindings
    unknown_fields: tuple[str, ...]
    host_kills: int
    asked: Asked
    groups_left: int
    delivery: DeliveryProblem
    records: tuple[str, str]
    beyond_bounds: tuple[str, str]
    outlook: MemoryOutlook
    rank: RankEndpoint | None


class NodeStatusBuilder(Struct):
    """Reads everything at each call, but the Node's memory only every five minutes.

    Attributes:
        settings: The agent's settings.
        host: The node's /proc.
        store: Where counts are kept.
        kernel: Detection, and what it cannot see.
        log: The kernel log, and whether it can be read.
        client: Asks the API server for the Node's memory.
        unreadable: The objects that cannot be read.
        counts: What the store has counted, as of the last call; None before it.
        conditions: The conditions, as of the last call.
    """

    settings: Settings
    host: Host
    store: Database
    kernel: KubepodsDetection
    log: KernelLogReader
    client: Client
    unreadable: UnreadableObjects
    counts: dict[str, int] | None = None
    conditions: tuple[Condition, ...] = ()
    _started: str = field(default_factory=_now)
    _memory: tuple[str | None, str | None] = (None, None)
    _memory_at: float = float("-inf")

    async def status(self, work: ReportInputs) -> OOMNodeStatus:
        """Return the status of this moment."""
        await self._refresh_memory()
        counts = self.counts = await self.store.run(counts_in)
        own = await self.store.run(own_pods.load)
        found = work.policies
        policies, left_out = fit_reports(found.policies)
        self.conditions = node_conditions(self._findings(work, own), _now())
        return OOMNodeStatus(
            agent=AgentInfo(
                version=__version__,
                store_id=self.store.store_id,
                started=self._started,
                heartbeat=_now(),
            ),
            conditions=self.conditions,
            kernel=KernelInfo(
                release=self.host.release(),
                boot_id=self.host.boot_id(),
                cgroup_driver=self.kernel.cgroup_driver,
                nested=self.kernel.nested,
            ),
            memory=memory_info(
                self._memory,
                self.host.meminfo(),
                read_settings(self.host.proc),
                self.host.memory_stalls(),
            ),
            applied=found.applied,
            policies=policies,
            policies_left_out=left_out,
            resizes=work.asked[0],
            resizes_waiting=work.asked[1],
            outranked=found.outranked,
            outranked_left_out=found.outranked_left_out,
            near_misses=work.outlook.near_misses,
            patterns=work.outlook.patterns,
            patterns_left_out=work.outlook.patterns_left_out,
            kills=KillCounts(
                recorded=counts.get("recorded", 0),
                unattributed=counts.get("unattributed", 0),
                undeliverable=counts.get("undeliverable", 0),
                before_start=counts.get("beforeStart", 0),
                host=work.host_kills,
            ),
            rank=work.rank,
        )

    def _findings(self, work: ReportInputs, own: AgentKills) -> NodeFindings:
        blindness = self.kernel.blindness
        return NodeFindings(
            kernel=kernel_remedy(self.host.release()),
            cgroup_v2=self.kernel.unavailable_reason,
            local_events=self.host.local_events_only(),
            capabilities=self.host.missing_capabilities(),
            kernel_log=self.log.state.remedy,
            kernel_log_reason=self.log.state.reason,
            agent_memory=agent_kills.condition_message(own, memory_limit(), time.time()),
            store=self.store.degraded or "",
            store_in_memory=self.store.in_memory,
            store_full=self.store.is_full,
            unknown_fields=work.unknown_fields,
            beyond_bounds=work.beyond_bounds[0],
            beyond_bounds_reason=work.beyond_bounds[1],
            unreadable_objects=self.unreadable.message(),
            cgroup_writes=self.settings.cgroup_writes,
            groups_left=work.groups_left,
            cgroups_read_only=is_read_only(self.settings.cgroup_root),
            delivery=work.delivery,
            watches=blindness.watches_remedy(*self.host.inotify_limits()),
            unopened=blindness.unopened_remedy(descriptors.fd_limit()),
            layout=self.kernel.layout.remedy,
            sees_nothing=self.kernel.layout.sees_nothing,
            records=work.records[0],
            records_reason=work.records[1],
        )

    async def _refresh_memory(self) -> None:
        if time.monotonic() - self._memory_at < MEMORY_SECONDS:
            return
        try:
            self._memory = await oomnodes.read_node_memory(self.client, self.settings.node)
        except API_ERRORS as error:
            failure = classify_error(error)
            _LOG.debug(
                "the Node's memory is not known yet: %s",
                failure.reason,
                extra=about(error_keys(failure), kind="Node", name=self.settings.node),
            )
        else:
            self._memory_at = time.monotonic()
