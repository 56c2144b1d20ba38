"""What the policies ask of memory.oom.group, for each container."""

from collections.abc import Mapping

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
