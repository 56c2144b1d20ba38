"""What all nodes report about all policies, in little memory; an event handler for OOMNodes."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.node_report import ReportedNode, ReportedPolicy, reported_node
from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.core.metrics.families.operator import NodeActivity
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.core.reporting.policy_status import NodeReport, is_silent

_LOG = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class NodeReports:
    """Indexes the reports by policy.

    Attributes:
        changed: Called with the policies for which a node's report has changed.
        requests_changed: Called with a node and its current resize requests.
        unreadable: Records OOMNodes of which parts are skipped.
        synced: Whether all OOMNodes were listed once.
    """

    changed: Callable[[Iterable[PolicyKey]], None]
    requests_changed: Callable[[str, tuple[Resize, ...]], None]
    unreadable: UnreadableObjects
    synced: bool = False
    _by_policy: dict[PolicyKey, dict[str, ReportedPolicy]] = field(default_factory=dict)
    _nodes: dict[str, tuple[str, tuple[PolicyKey, ...]]] = field(default_factory=dict)
    _skipped: dict[str, int] = field(default_factory=dict)

    def for_policy(self, policy: PolicyKey) -> list[NodeReport]:
        """Return all nodes' reports about a policy."""
        found = self._by_policy.get(policy, {})
        return [NodeReport(node, self._nodes[node][0], each) for node, each in found.items()]

    def __len__(self) -> int:
        return len(self._nodes)

    def by_state(self, now: datetime) -> Mapping[NodeActivity, int] | None:
        """Count the nodes by whether their agents report; None before they were listed."""
        if not self.synced:
            return None
        silent = sum(is_silent(heartbeat, now) for heartbeat, _ in self._nodes.values())
        return {NodeActivity.REPORTING: len(self._nodes) - silent, NodeActivity.SILENT: silent}

    def replace(self, objects: list[ReportedNode]) -> None:
        """Replace all nodes by those of a list."""
        changed: set[PolicyKey] = set()
        for name in self._nodes.keys() - {each.name for each in objects}:
            changed |= self._update(ReportedNode(name), deleted=True)
        for each in objects:
            changed |= self._update(each)
        self.synced = True
        self.changed(changed)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Add or update an OOMNode."""
        self.changed(self._update(reported_node(manifest)))

    def delete(self, manifest: dict[str, Any]) -> None:
        """Remove an OOMNode."""
        self.changed(self._update(ReportedNode(manifest["metadata"]["name"]), deleted=True))

    def _update(self, node: ReportedNode, *, deleted: bool = False) -> set[PolicyKey]:
        """Replace a node's reports; return the policies for which they have changed."""
        _, before = self._nodes.pop(node.name, ("", ()))
        changed = {key for key in before if key not in node.reports}
        for key in changed:
            self._remove(key, node.name)
        for key, report in node.reports.items():
            of_policy = self._by_policy.setdefault(key, {})
            if of_policy.get(node.name) != report:
                of_policy[node.name] = report
                changed.add(key)
        if not deleted:
            self._nodes[node.name] = (node.heartbeat, tuple(node.reports))
        self.requests_changed(node.name, node.resizes)
        self._note_skipped(node)
        return changed

    def _remove(self, key: PolicyKey, node: str) -> None:
        del self._by_policy[key][node]
        if not self._by_policy[key]:
            del self._by_policy[key]

    def _note_skipped(self, node: ReportedNode) -> None:
        """Record how many parts of an OOMNode are skipped, and log each new number."""
        if not node.skipped:
            self._skipped.pop(node.name, None)
            return
        why = f"{node.skipped} parts are unreadable, or exceed what is kept of one node"
        self.unreadable.add("OOMNode", {"metadata": {"name": node.name}}, why)
        if self._skipped.get(node.name) != node.skipped:
            _LOG.warning(
                "OOMNode %s: %s",
                node.name,
                why,
                extra=about(kind="OOMNode", name=node.name, reason=UNREADABLE, error=why),
            )
        self._skipped[node.name] = node.skipped
