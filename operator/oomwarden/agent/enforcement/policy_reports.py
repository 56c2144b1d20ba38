"""What there is to report of a container: how far scores, group kills and limits are."""

from dataclasses import dataclass, replace

from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.enforcement.group_kill import GroupKillReconciler
from oomwarden.agent.enforcement.resize_requests import ResizeRequests
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.reporting.policy_report import ContainerStatus


@dataclass(frozen=True, slots=True)
class ContainerReports:
    """Puts together what each of the three has found."""

    baselines: Baselines
    groups: GroupKillReconciler
    limits: ResizeRequests

    def of(self, charge: TrackedContainer, mode: EnforcementMode | None) -> ContainerStatus | None:
        """Give a container's item; None before it was decided on."""
        item = charge.item(self.baselines.get(charge.container), mode)
        if item is None:
            return None
        observers = item.standing.contest.observers
        groups = self.groups.planned(charge.container, observers)
        limits = self.limits.planned(charge.container, observers)
        planned = tuple((*one, *other) for one, other in zip(groups, limits, strict=True))
        parts = (self.groups.group_kill_status(charge, mode), self.limits.part(charge))
        return replace(item, parts=parts, planned=planned)
