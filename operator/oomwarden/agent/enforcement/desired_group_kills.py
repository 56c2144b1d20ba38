"""What the policies ask of memory.oom.group, for each container."""

from collections.abc import Mapping

from msgspec import Struct, field

from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.enforcement.tracker import Tracker
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.group_kill import GroupKillSpec
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.policy.matching import Match

DesiredGroupKills = Mapping[int, tuple[Container, GroupKillSpec]]
"""By cgroup inode."""


def desired_group_kills(tracker: Tracker) -> DesiredGroupKills:
    """Collect what the winners ask for; containers without a decision are left as they are."""
    mode = tracker.mode
    return {
        inode: (tracked.container, desired_for(tracked, mode))
        for inode, tracked in tracker.containers.items()
        if tracked.decision is not None or mode is EnforcementMode.RELEASE
    }


class AskedGroupKills(Struct):
    """What the policies ask for, collected when decisions or the mode have changed.

    Attributes:
        relevant: Those whose file must be read.
    """

    relevant: DesiredGroupKills = field(default_factory=dict)
    _all: DesiredGroupKills = field(default_factory=dict)
    _decided_at: tuple[int, EnforcementMode | None] | None = None

    def current(self, tracker: Tracker) -> DesiredGroupKills:
        """Return what is asked for now, of all containers with a decision."""
        decided_at = (tracker.version, tracker.mode)
        if decided_at != self._decided_at:
            self._all, self._decided_at = desired_group_kills(tracker), decided_at
            self.relevant = {i: each for i, each in self._all.items() if each[1].is_relevant}
        return self._all


def desired_for(tracked: TrackedContainer, mode: EnforcementMode | None) -> GroupKillSpec:
    """Return what the container's policy asks for; without a decision, nothing."""
    if tracked.decision is None:
        return GroupKillSpec(mode=mode)
    evaluation = tracked.decision.evaluation
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
