"""Before a kill: parts and the loop that count near misses, judge usage and warn."""

from functools import partial

from oomwarden.agent.delivery.event_retries import EventRetries
from oomwarden.agent.detection.limit_hits import LimitHitMonitor
from oomwarden.agent.detection.memory_events import MemoryEventMonitor
from oomwarden.agent.detection.usage_patterns import UsagePatternMonitor
from oomwarden.agent.flows.kills import KillFlow
from oomwarden.agent.flows.node import Node
from oomwarden.agent.reporting.early_warnings import EarlyWarnings, WarningThresholds
from oomwarden.agent.reporting.memory_outlook import MemoryOutlookReporter
from oomwarden.kube import events
from oomwarden.probes.loops import Loop, age_since


class OutlookFlow:
    """Reads memory counters beside the path of a kill; what it finds is forgotten by a restart."""

    def __init__(self, node: Node, kills: KillFlow) -> None:
        settings, inventory = node.settings, node.inventory
        accounts, counters = kills.settler.ledger.accounts, kills.counters
        others = MemoryEventMonitor(inventory, accounts, counters.events_counted)
        self.hits = LimitHitMonitor(
            inventory, accounts, node.roots, counters.near_misses_counted, others
        )
        self.reporter = MemoryOutlookReporter(inventory, self.hits)
        self.warnings = EarlyWarnings(
            settings.node,
            WarningThresholds(settings.near_miss_budget, settings.leak_event_seconds),
            inventory,
            self.hits,
            UsagePatternMonitor(inventory),
            EventRetries(partial(events.post_own, node.client)),
        )

    def loops(self) -> list[Loop]:
        """List the loop; it does not make the agent unhealthy."""
        return [Loop("early-warnings", age_since(lambda: self.warnings.progress))]
