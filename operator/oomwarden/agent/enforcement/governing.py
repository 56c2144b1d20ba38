"""Which policy governs, or governed, each container: its kill is recorded after it is gone."""

from dataclasses import dataclass, field

from oomwarden.agent.enforcement.evaluator import Decision
from oomwarden.core.enforcement.plan import Baseline
from oomwarden.core.incidents.record_context import GoverningPolicy
from oomwarden.core.model.mode import EnforcementMode

MAX_KEPT = 4096


@dataclass(slots=True)
class GoverningPolicies:
    """By cgroup inode; the oldest are forgotten."""

    _known: dict[int, GoverningPolicy] = field(default_factory=dict)

    def of(self, inode: int) -> GoverningPolicy | None:
        """Return the policy that governs, or governed, a container's cgroup; None: none does."""
        return self._known.get(inode)

    def keep(self, inode: int) -> None:
        """Note that a container is alive: its policy is not among the oldest."""
        if (known := self._known.pop(inode, None)) is not None:
            self._known[inode] = known

    def remember(
        self, inode: int, decision: Decision, baseline: Baseline, mode: EnforcementMode | None
    ) -> None:
        """Keep the winner of a decision; in mode Release no policy governs."""
        self._known.pop(inode, None)
        match = decision.evaluation.selection.winner
        if match is not None and mode is not EnforcementMode.RELEASE:
            score, kubelets = decision.evaluation.target.score, baseline.value
            lowers = score is not None and kubelets is not None and score < kubelets
            self._known[inode] = GoverningPolicy(match.policy.reference, lowers)
        while len(self._known) > MAX_KEPT:
            del self._known[next(iter(self._known))]
