"""Which policy governs, or governed, each container: a kill is told after its container is gone."""

from dataclasses import dataclass, field

from oomwarden.agent.enforcement.evaluator import Decision
from oomwarden.api.oomkill import PolicyReference
from oomwarden.core.model.mode import EnforcementMode

KEEP_WINNERS = 4096


@dataclass(slots=True)
class GoverningPolicies:
    """By cgroup inode; the oldest are forgotten."""

    _known: dict[int, PolicyReference] = field(default_factory=dict)

    def of(self, inode: int) -> PolicyReference | None:
        """Tell which policy governs, or governed, a container's cgroup."""
        return self._known.get(inode)

    def remember(self, inode: int, decision: Decision, mode: EnforcementMode | None) -> None:
        """Take a decision; at Release nobody governs."""
        self._known.pop(inode, None)
        match = decision.evaluation.contest.winner
        if match is not None and mode is not EnforcementMode.RELEASE:
            self._known[inode] = match.policy.reference
        while len(self._known) > KEEP_WINNERS:
            del self._known[next(iter(self._known))]
