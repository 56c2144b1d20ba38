"""What there is to report of a container: how far scores, group kills and limits are."""

from dataclasses import dataclass, replace

from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.enforcement.group_kill import GroupKills
from oomwarden.agent.enforcement.resize_requests import Limits
from oomwarden.agent.enforcement.tracked import Charge
from oomwarden.core.model.mode import Switch
from oomwarden.core.reporting.policy_report import Item


@dataclass(frozen=True, slots=True)
class Items:
    """Puts together what each of the three has found."""

    baselines: Baselines
    groups: GroupKills
    limits: Limits

    def of(self, charge: Charge, mode: Switch | None) -> Item | None:
        """Give a container's item; None before it was decided on."""
        item = charge.item(self.baselines.get(charge.container), mode)
        if item is None:
            return None
        observers = item.standing.contest.observers
        groups = self.groups.planned(charge.container, observers)
        limits = self.limits.planned(charge.container, observers)
        planned = tuple((*one, *other) for one, other in zip(groups, limits, strict=True))
        parts = (self.groups.part(charge, mode), self.limits.part(charge))
        return replace(item, parts=parts, planned=planned)
