"""What became of policies on this node, as of the last report."""

import time

from msgspec import Struct, field

from oomwarden.agent.reporting.policy_reports import PolicyFindings
from oomwarden.api.oomnode import Applied
from oomwarden.core.metrics.counter_series import CounterSeries
from oomwarden.core.metrics.exposition import Families, Sample, single
from oomwarden.core.metrics.families.nodes import (
    APPLIED_CONTAINERS,
    POLICY_CONTAINERS,
    POLICY_REFUSED_CONTAINERS,
    SCORE_REPAIRS,
)
from oomwarden.core.policy.policy import PolicyKey

MAX_POLICIES = 500
"""Policies with metrics: many more than select containers of one node."""


class PolicyMetrics(Struct):
    """Keeps the last report, and counts repairs.

    Attributes:
        findings: The last report.
    """

    findings: PolicyFindings = field(default_factory=lambda: PolicyFindings(Applied(), ()))
    _repairs: CounterSeries = field(default_factory=lambda: CounterSeries(MAX_POLICIES))

    def reported(self, findings: PolicyFindings) -> None:
        """Keep a report; the repairs of a policy that matches nothing any more are forgotten."""
        self.findings = findings
        matching = self._matching()
        self._repairs.forget(lambda labels: labels not in matching)

    def repaired(self, policy: PolicyKey, processes: int) -> None:
        """Count processes whose score had drifted."""
        self._repairs.add(tuple(policy), time.monotonic(), processes)

    def families(self) -> Families:
        """Return what Prometheus sees now."""
        found = self._matching()
        states = [
            Sample((*key, state), count)
            for key, counts in found.items()
            for state, count in counts.items()
        ]
        reasons = [
            Sample((*key, reason), count)
            for key in found
            for reason, count in self.findings.reasons.get(PolicyKey(*key), {}).items()
        ]
        return (
            single(APPLIED_CONTAINERS, self.findings.applied.containers),
            (POLICY_CONTAINERS, states),
            (POLICY_REFUSED_CONTAINERS, reasons),
            (SCORE_REPAIRS, self._repairs.samples(time.monotonic())),
        )

    def _matching(self) -> dict[tuple[str, ...], dict[str, int]]:
        """Return the states of the policies that match containers here."""
        return {
            (each.kind, each.namespace or "", each.name): {
                "Enforced": each.enforced,
                "Observed": each.observed,
                "Refused": each.refused,
            }
            for each in self.findings.policies[:MAX_POLICIES]
            if each.matched
        }
