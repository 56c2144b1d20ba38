"""Which policy governs, or governed, each container: its kill is recorded after it is gone."""

from msgspec import Struct, field

from oomwarden.agent.baselines.rows import Inodes
from oomwarden.agent.enforcement.evaluator import Decision
from oomwarden.core.enforcement.plan import Baseline
from oomwarden.core.incidents.record_context import GoverningPolicy
from oomwarden.core.model.mode import EnforcementMode

MAX_GONE = 128
"""Containers that are gone: as many as deleted pods, whose kills have no name after that."""


class GoverningPolicies(Struct):
    """By cgroup inode; of those that are gone, the oldest are forgotten."""

    _known: dict[int, GoverningPolicy] = field(default_factory=dict)

    def of(self, inode: int) -> GoverningPolicy | None:
        """Return the policy that governs, or governed, a container's cgroup; None: none does."""
        return self._known.get(inode)

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

    def keep_only(self, live: Inodes) -> None:
        """Forget the containers that are gone, except the last ones."""
        gone = [inode for inode in self._known if inode not in live]
        for inode in gone[:-MAX_GONE]:
            del self._known[inode]
