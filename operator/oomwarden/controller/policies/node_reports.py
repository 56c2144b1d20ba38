"""What all nodes report of all policies, held small: a sink of the watch of OOMNodes."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.node_report import PolicyKey, ReportedNode, ReportedPolicy, reported_node
from oomwarden.core.objects.passed_over import UnreadableObjects
from oomwarden.core.reporting.policy_status import NodeReport

_LOG = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class NodeReports:
    """`changed` is called with the policies of which a node says another thing than before.

    Parts of an OOMNode that are left out are noted in `passed_over`.

    `asked` is called with what a node asks for now. `whole`: all OOMNodes were listed once.
    """

    changed: Callable[[Iterable[PolicyKey]], None] = field(default=lambda _: None)
    asked: Callable[[str, tuple[Resize, ...]], None] = field(default=lambda *_: None)
    whole: bool = False
    passed_over: UnreadableObjects = field(default_factory=UnreadableObjects)
    _by_policy: dict[PolicyKey, dict[str, ReportedPolicy]] = field(default_factory=dict)
    _nodes: dict[str, tuple[str, tuple[PolicyKey, ...]]] = field(default_factory=dict)
    _told: dict[str, int] = field(default_factory=dict)

    def of(self, policy: PolicyKey) -> list[NodeReport]:
        """Give all reports of a policy."""
        found = self._by_policy.get(policy, {})
        return [NodeReport(node, self._nodes[node][0], each) for node, each in found.items()]

    def __len__(self) -> int:
        return len(self._nodes)

    def replace(self, objects: list[ReportedNode]) -> None:
        """Take these for all there are."""
        changed: set[PolicyKey] = set()
        for name in self._nodes.keys() - {each.name for each in objects}:
            changed |= self._take(ReportedNode(name), gone=True)
        for each in objects:
            changed |= self._take(each)
        self.whole = True
        self.changed(changed)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Take a new or changed OOMNode."""
        self.changed(self._take(reported_node(manifest)))

    def delete(self, manifest: dict[str, Any]) -> None:
        """Forget an OOMNode."""
        self.changed(self._take(ReportedNode(manifest["metadata"]["name"]), gone=True))

    def _take(self, node: ReportedNode, *, gone: bool = False) -> set[PolicyKey]:
        """Put a node's word in place of the one before; give the policies that it concerns."""
        _, before = self._nodes.pop(node.name, ("", ()))
        changed = {key for key in before if key not in node.reports}
        for key in changed:
            self._forget(key, node.name)
        for key, report in node.reports.items():
            of_policy = self._by_policy.setdefault(key, {})
            if of_policy.get(node.name) != report:
                of_policy[node.name] = report
                changed.add(key)
        if not gone:
            self._nodes[node.name] = (node.heartbeat, tuple(node.reports))
        self.asked(node.name, node.asks)
        self._tell(node)
        return changed

    def _forget(self, key: PolicyKey, node: str) -> None:
        del self._by_policy[key][node]
        if not self._by_policy[key]:
            del self._by_policy[key]

    def _tell(self, node: ReportedNode) -> None:
        """Say how much of an OOMNode is left out; in the log once."""
        if node.left_out:
            told = f"{node.left_out} parts cannot be read, or are more than is held of one node"
            self.passed_over.note("OOMNode", {"metadata": {"name": node.name}}, told)
            if self._told.get(node.name) != node.left_out:
                _LOG.warning("OOMNode %s: %s", node.name, told)
            self._told[node.name] = node.left_out
        else:
            self._told.pop(node.name, None)
