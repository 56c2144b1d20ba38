"""The sums of all nodes' reports of one policy, kept up to date as reports come and go."""

from collections.abc import Iterator
from heapq import nsmallest
from typing import NamedTuple

from msgspec import Struct, field


class PolicyCounts(NamedTuple):
    """The numbers of one node's report of one policy.

    Attributes:
        observed_generation: The policy's generation that the node has applied.
        pods: As in api.oomnode.PolicyReport, also the five next ones.
        matched: See there.
        enforced: See there.
        observed: See there.
        refused: See there.
        warned: See there.
        refused_whole: The report has a refusal of the whole policy.
        has_refusals: The report has texts of refusals.
        has_warnings: The report has texts of warnings.
    """

    observed_generation: int
    pods: int = 0
    matched: int = 0
    enforced: int = 0
    observed: int = 0
    refused: int = 0
    warned: int = 0
    refused_whole: bool = False
    has_refusals: bool = False
    has_warnings: bool = False


class PolicyTotals(Struct):
    """One policy on all nodes that report it. A change of one node costs the same on any fleet.

    Attributes:
        by_node: What each node reports.
        pods: The sum of all nodes, as are the next five.
        matched: See pods.
        enforced: See pods.
        observed: See pods.
        refused: See pods.
        warned: See pods.
        nodes: How many nodes have a container that a rule matches.
        at_generation: How many nodes have applied each generation.
        with_refusals: How many nodes report texts of refusals.
        with_warnings: How many nodes report texts of warnings.
        refused_whole: How many nodes refuse the whole policy.
    """

    by_node: dict[str, PolicyCounts] = field(default_factory=dict)
    pods: int = 0
    matched: int = 0
    enforced: int = 0
    observed: int = 0
    refused: int = 0
    warned: int = 0
    nodes: int = 0
    at_generation: dict[int, int] = field(default_factory=dict)
    with_refusals: int = 0
    with_warnings: int = 0
    refused_whole: int = 0

    def put(self, node: str, counts: PolicyCounts) -> None:
        """Add or replace a node's report."""
        self.remove(node)
        self.by_node[node] = counts
        self._add(counts, 1)

    def remove(self, node: str) -> None:
        """Remove a node's report, if there is one."""
        if (counts := self.by_node.pop(node, None)) is not None:
            self._add(counts, -1)

    def late(self, generation: int) -> Iterator[str]:
        """Yield the nodes that have not applied a generation."""
        if self.at_generation.keys() == {generation}:
            return iter(())
        return (
            node for node, each in self.by_node.items() if each.observed_generation != generation
        )

    def first_refusing(self, count: int) -> list[str]:
        """Return the first nodes, by name, with texts of refusals."""
        return self._first(count, "has_refusals") if self.with_refusals else []

    def first_refusing_whole(self) -> list[str]:
        """Return the first node, by name, that refuses the whole policy; empty if there is none."""
        return self._first(1, "refused_whole") if self.refused_whole else []

    def first_warning(self, count: int) -> list[str]:
        """Return the first nodes, by name, with texts of warnings."""
        return self._first(count, "has_warnings") if self.with_warnings else []

    def _first(self, count: int, flag: str) -> list[str]:
        index = PolicyCounts._fields.index(flag)
        return nsmallest(count, (node for node, each in self.by_node.items() if each[index]))

    def _add(self, counts: PolicyCounts, sign: int) -> None:
        generation = counts.observed_generation
        self.pods += sign * counts.pods
        self.matched += sign * counts.matched
        self.enforced += sign * counts.enforced
        self.observed += sign * counts.observed
        self.refused += sign * counts.refused
        self.warned += sign * counts.warned
        self.nodes += sign * (counts.matched > 0)
        self.with_refusals += sign * counts.has_refusals
        self.with_warnings += sign * counts.has_warnings
        self.refused_whole += sign * counts.refused_whole
        self.at_generation[generation] = self.at_generation.get(generation, 0) + sign
        if not self.at_generation[generation]:
            del self.at_generation[generation]
