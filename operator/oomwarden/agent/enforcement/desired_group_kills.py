"""What the policies ask of memory.oom.group, for each container."""

from collections.abc import Mapping

from msgspec import Struct, field

from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.enforcement.tracker import Tracker
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.evaluation import Evaluation
from oomwarden.core.enforcement.group_kill import GroupKillSpec
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.policy.matching import Match

DesiredGroupKills = Mapping[int, tuple[Container, GroupKillSpec]]
"""By cgroup inode."""


class AskedGroupKills(Struct):
    """What the policies ask for, collected when decisions or the mode have changed.

    Attributes:
        relevant: Those whose file must be read.
    """

    relevant: DesiredGroupKills = field(default_factory=dict)
    _all: DesiredGroupKills = field(default_factory=dict)
    _decided_at: tuple[int, EnforcementMode | None] | None = None
    _specs: dict[int, tuple[Evaluation, GroupKillSpec]] = field(default_factory=dict)
    """By the identity of the evaluation, which all replicas of a pod share."""

    def current(self, tracker: Tracker) -> DesiredGroupKills:
        """Return what is asked for now; containers without a decision are left as they are."""
        decided_at = (tracker.version, tracker.mode)
        if decided_at != self._decided_at:
            self._collect(tracker)
            self._decided_at = decided_at
            self.relevant = {i: each for i, each in self._all.items() if each[1].is_relevant}
        return self._all

    def _collect(self, tracker: Tracker) -> None:
        mode = tracker.mode
        before = self._specs if self._decided_at and self._decided_at[1] is mode else {}
        self._specs, found = {}, dict[int, tuple[Container, GroupKillSpec]]()
        for inode, tracked in tracker.containers.items():
            if (decision := tracked.decision) is not None:
                key = id(evaluation := decision.evaluation)
                if (known := self._specs.get(key) or before.get(key)) is None:
                    known = evaluation, _spec(evaluation, mode)
                self._specs[key] = known
                found[inode] = tracked.container, known[1]
            elif mode is EnforcementMode.RELEASE:
                found[inode] = tracked.container, GroupKillSpec(mode=mode)
        self._all = found


def desired_for(tracked: TrackedContainer, mode: EnforcementMode | None) -> GroupKillSpec:
    """Return what the container's policy asks for; without a decision, nothing."""
    if tracked.decision is None:
        return GroupKillSpec(mode=mode)
    return _spec(tracked.decision.evaluation, mode)


def _spec(evaluation: Evaluation, mode: EnforcementMode | None) -> GroupKillSpec:
    observed = any(desired_by(match).is_relevant for match in evaluation.selection.observers)
    group_kill = _asked(evaluation.selection.winner)
    return GroupKillSpec(
        group_kill, bool(evaluation.target.processes), mode, has_observers=observed
    )


def desired_by(observer: Match) -> GroupKillSpec:
    """Return what a policy that only observes would ask for."""
    return GroupKillSpec(_asked(observer), bool(observer.rule.processes))


def _asked(match: Match | None) -> bool | None:
    memory = match.rule.memory if match else None
    return memory.group_kill if memory else None
