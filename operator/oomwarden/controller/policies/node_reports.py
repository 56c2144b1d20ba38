"""What all nodes report about all policies, in little memory; an event handler for OOMNodes."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from oomwarden.api.oomnode import Resize
from oomwarden.core.fleet.heartbeats import Heartbeats
from oomwarden.core.fleet.node_report import (
    ReportedNode,
    heartbeat_of,
    report_digest,
    reported_node,
)
from oomwarden.core.fleet.policy_status import PolicyOnNodes
from oomwarden.core.fleet.policy_totals import PolicyTotals
from oomwarden.core.fleet.report_details import NO_DETAILS, ReportDetails, unpack
from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.core.metrics.families.operator import NodeActivity
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.policy.policy import PolicyKey

_LOG = logging.getLogger(__name__)
_NEW = ReportedNode("")


@dataclass(slots=True, eq=False)
class NodeReports:
    """Sums up the reports by policy.

    Attributes:
        changed: Called with the policies for which a node's report has changed.
        requests_changed: Called with a node and its current resize requests.
        unreadable: Records OOMNodes of which parts are skipped.
        clock: Returns monotonic seconds.
        synced: Whether all OOMNodes were listed once.
    """

    changed: Callable[[Iterable[PolicyKey]], None]
    requests_changed: Callable[[str, tuple[Resize, ...]], None]
    unreadable: UnreadableObjects
    clock: Callable[[], float] = time.monotonic
    synced: bool = False
    _totals: dict[PolicyKey, PolicyTotals] = field(default_factory=dict)
    _nodes: dict[str, ReportedNode] = field(default_factory=dict)
    _heartbeats: Heartbeats = field(default_factory=Heartbeats)
    _skipped: dict[str, int] = field(default_factory=dict)

    def for_policy(self, policy: PolicyKey) -> PolicyOnNodes:
        """Return what all nodes report about a policy."""
        totals = self._totals.get(policy) or PolicyTotals()
        return PolicyOnNodes(totals, self.silent(), partial(self._details, policy))

    def silent(self) -> frozenset[str]:
        """Return the nodes whose agents do not report (any more)."""
        return self._heartbeats.silent(self.clock())

    def _details(self, policy: PolicyKey, node: str) -> ReportDetails:
        known = self._nodes[node]
        return unpack(known.details).get(known.policies.index(policy), NO_DETAILS)

    def __len__(self) -> int:
        return len(self._nodes)

    def by_state(self) -> Mapping[NodeActivity, int] | None:
        """Count the nodes by whether their agents report; None before they were listed."""
        if not self.synced:
            return None
        silent = len(self.silent())
        return {NodeActivity.REPORTING: len(self._nodes) - silent, NodeActivity.SILENT: silent}

    def hear(self) -> None:
        """Note that the API server has responded; see Heartbeats."""
        self._heartbeats.hear(self.clock())

    def replace(self, objects: list[ReportedNode]) -> None:
        """Replace all nodes by those of a list."""
        self.hear()
        changed: set[PolicyKey] = set()
        for name in self._nodes.keys() - {each.name for each in objects}:
            changed |= self._remove(name)
        for each in objects:
            changed |= self._update(each)
        self.synced = True
        self.changed(changed)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Add or update an OOMNode. Most events are heartbeats, which change nothing else."""
        self.hear()
        name, digest = str(manifest["metadata"]["name"]), report_digest(manifest)
        known = self._nodes.get(name)
        if known is not None and digest is not None and known.digest == digest:
            self._heartbeats.record(known.name, heartbeat_of(manifest), self.clock())
            self._note_skipped(known)
        else:
            self.changed(self._update(reported_node(manifest)))

    def delete(self, manifest: dict[str, Any]) -> None:
        """Remove an OOMNode."""
        self.hear()
        self.changed(self._remove(manifest["metadata"]["name"]))

    def _remove(self, name: str) -> set[PolicyKey]:
        """Remove a node; return the policies that it reported."""
        changed = self._update(_NEW._replace(name=name))
        self._nodes.pop(name)
        self._heartbeats.forget(name)
        return changed

    def _update(self, node: ReportedNode) -> set[PolicyKey]:
        """Replace a node's reports; return the policies for which they have changed."""
        before = self._nodes.get(node.name, _NEW)
        self._heartbeats.record(node.name, node.heartbeat, self.clock(), node.age)
        self._nodes[node.name] = node._replace(counts=(), resizes=())
        self._note_skipped(node)
        if node.digest is not None and node.digest == before.digest:
            return set()
        changed = set(self._replace_counts(before, node)) | _changed_details(before, node)
        self.requests_changed(node.name, node.resizes)
        return changed

    def _replace_counts(self, before: ReportedNode, node: ReportedNode) -> Iterator[PolicyKey]:
        """Update the sums; yield the policies whose sums have changed."""
        for key in set(before.policies) - set(node.policies):
            totals = self._totals[key]
            totals.remove(node.name)
            if not totals.by_node:
                del self._totals[key]
            yield key
        for key, counts in zip(node.policies, node.counts, strict=True):
            totals = self._totals.get(key) or self._totals.setdefault(key, PolicyTotals())
            if totals.by_node.get(node.name) != counts:
                totals.put(node.name, counts)
                yield key

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


def _changed_details(before: ReportedNode, node: ReportedNode) -> set[PolicyKey]:
    """Return the policies whose texts have changed."""
    if before.details == node.details and before.policies == node.policies:
        return set()
    was, now = (
        {each.policies[at]: details for at, details in unpack(each.details).items()}
        for each in (before, node)
    )
    return {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
