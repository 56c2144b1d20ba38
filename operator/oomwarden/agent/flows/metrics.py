"""From state to /metrics: what the other flows have found, in the families of the contract."""

import time
from collections.abc import Iterable, Sequence

from oomwarden.agent.flows.kills import KillFlow
from oomwarden.agent.flows.node import Node
from oomwarden.agent.flows.outlook import OutlookFlow
from oomwarden.agent.flows.scores import ScoreFlow
from oomwarden.agent.flows.status import StatusFlow
from oomwarden.agent.metrics.container_counters import ContainerCounters
from oomwarden.agent.metrics.container_gauges import container_gauges
from oomwarden.agent.metrics.policy_metrics import PolicyMetrics
from oomwarden.core.metrics.exposition import Families, Sample, single
from oomwarden.core.metrics.families import nodes as of_node
from oomwarden.core.metrics.families.process import API_ERRORS
from oomwarden.core.metrics.family import Family
from oomwarden.probes.loops import Loop, age_since


class MetricsFlow:
    """Reads what the other flows have found; changes nothing of theirs."""

    def __init__(
        self,
        node: Node,
        kills: KillFlow,
        scores: ScoreFlow,
        outlook: OutlookFlow,
        status: StatusFlow,
    ) -> None:
        self._node, self._kills, self._scores = node, kills, scores
        self._outlook, self._status = outlook, status

    @property
    def containers(self) -> ContainerCounters:
        """The counters of containers."""
        return self._kills.counters

    @property
    def policies(self) -> PolicyMetrics:
        """What became of policies."""
        return self._scores.metrics

    def loops(self) -> list[Loop]:
        """List the loop; it does not make the agent unhealthy."""
        return [Loop("metrics", age_since(lambda: self.containers.progress))]

    def families(self) -> Families:
        """Return what Prometheus sees now, except for what only the process knows."""
        return (
            *self.containers.families(),
            *container_gauges(self._node.inventory, self.containers.names.__contains__),
            *self._since_store(),
            *self._ledger(),
            *self.policies.families(),
            *self._enforcement(),
            *self._detection(),
            (API_ERRORS, self._node.client.errors.samples()),
        )

    def _since_store(self) -> Iterable[tuple[Family, Sequence[Sample]]]:
        """Yield counters that earlier agents began: 0 before they are read would be a reset."""
        counts, host = self._status.builder.counts, self._kills.host_kills.last
        if counts is not None:
            yield single(of_node.UNATTRIBUTED_KILLS, counts.get("unattributed", 0))
            yield single(of_node.UNDELIVERABLE_KILLS, counts.get("undeliverable", 0))
            yield single(of_node.TAKEN_NAMES, counts.get("takenNames", 0))
        if host is not None:
            yield single(of_node.HOST_KILLS, host)

    def _ledger(self) -> Iterable[tuple[Family, Sequence[Sample]]]:
        kills = self._kills
        numbers = kills.deliverer.counts
        age = 0.0 if numbers.oldest is None else max(time.time() - numbers.oldest, 0.0)
        for family, value in (
            (of_node.RECORDED_KILLS, kills.recorder.kills),
            (of_node.LEDGER_GAP, kills.settler.ledger.unrecorded_kills()),
            (of_node.OUTBOX_RECORDS, kills.deliverer.waiting),
            (of_node.OUTBOX_AGE, age),
            (of_node.REFUSED_RECORDS, numbers.refused),
            (of_node.HELD_RECORDS, numbers.held),
            (of_node.HELD_KILLS, numbers.held_kills),
        ):
            yield single(family, value)

    def _enforcement(self) -> Families:
        scores, mode = self._scores, self._scores.tracker.mode
        return (
            (of_node.MODE, [Sample((str(mode),), 1)] if mode else []),
            single(of_node.ENFORCED_PROCESSES, scores.tracker.enforced_processes()),
            single(of_node.GROUP_KILL_REPAIRS, scores.groups.repairs),
        )

    def _detection(self) -> Families:
        kills, blindness = self._kills, self._kills.kernel.blindness
        unreadable = kills.samples.unreadable + kills.kernel.unreadable
        return (
            (of_node.NODE_CONDITION, self._conditions()),
            single(of_node.UNREADABLE_FILES, unreadable + self._outlook.hits.unreadable),
            single(of_node.LOG_OVERRUNS, kills.log.overruns),
            single(of_node.MISSING_WATCHES, blindness.watches),
            single(of_node.UNOPENED_CGROUPS, blindness.unopened),
            (of_node.WORKER_STUCK, self._stuck()),
        )

    def _conditions(self) -> list[Sample]:
        """Return the conditions of the last report."""
        return [
            Sample((each.type,), each.status == "True") for each in self._status.builder.conditions
        ]

    def _stuck(self) -> list[Sample]:
        workers = {
            **self._scores.stuck_since(),
            "samples": self._kills.samples.worker.stuck_since,
            "limit-hits": self._outlook.hits.worker.stuck_since,
            "services": self._status.services.worker.stuck_since,
            "ranking": self._status.rank_source.stuck_since,
        }
        return [
            Sample((name,), time.monotonic() - since if since else 0.0)
            for name, since in workers.items()
        ]
