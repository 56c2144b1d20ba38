"""Limits that an earlier version set, with the original limit in the pod's managedFields.

Anyone who may patch pods can write those. So such a record is believed only if a policy grants
exactly the limit that the pod has, and the original limit is not higher: restoring it can only
lower the limit.
"""

import re
from collections.abc import Iterable

from oomwarden.api.oomlimit import Step
from oomwarden.api.policy import Rule
from oomwarden.core.model.limit_ownership import LimitOwner, LimitOwnership
from oomwarden.core.model.pod import ContainerFacts
from oomwarden.core.model.quantity import parse_bytes

_OLD = re.compile(r"oomwarden-(?P<step>limit|raise)/(?P<of>[^/]+)/(?P<before>none|[0-9]{1,19})")


def legacy_owner(managers: Iterable[str], container: str) -> LimitOwner | None:
    """Parse the record of an earlier version from the managers that changed a container's limit."""
    found = None
    for name in managers:
        if (match := _OLD.fullmatch(name)) and match["of"] == container:
            before = None if match["before"] == "none" else int(match["before"])
            found = LimitOwner(Step(match["step"].capitalize()), before)
    return found


def adoptable_owner(container: ContainerFacts, rule: Rule, limit: int | None) -> LimitOwner | None:
    """Return the owner that may be recorded; None if there is none, or no policy grants it.

    Args:
        container: The container now.
        rule: The rule of the policy that governs it.
        limit: The rule's memory.limit in bytes; None if it has none.
    """
    spec, owner = container.spec, container.spec.legacy_owner
    if owner is None or spec.limit is None or spec.ownership != LimitOwnership():
        return None
    raising = rule.on_oom.raise_limit if rule.on_oom and owner.step is Step.RAISE else None
    raised = raising is not None and spec.limit <= parse_bytes(raising.up_to)
    granted = spec.limit == limit or raised
    return owner if granted and (owner.before or 0) <= spec.limit else None
