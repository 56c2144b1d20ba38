"""Conditions keep lastTransitionTime until their status changes."""

from msgspec import structs

from oomwarden.api.base import Condition

Conditions = tuple[Condition, ...]


def carry_over(fresh: Conditions, before: Conditions) -> Conditions:
    """Return the conditions, with lastTransitionTime kept where the status did not change."""
    known = {condition.type: condition for condition in before}
    return tuple(_carry(condition, known.get(condition.type)) for condition in fresh)


def _carry(fresh: Condition, before: Condition | None) -> Condition:
    if before is None or before.status != fresh.status:
        return fresh
    return structs.replace(fresh, last_transition_time=before.last_transition_time)
