"""Limits that an earlier version has set: it kept what was before in the pod's managedFields.

Whoever may patch pods can write those, so such a mark is believed only where a policy grants the
very limit that the pod has, and the limit of before is no higher: to put it back can but lower it.
"""

import re
from collections.abc import Iterable

from oomwarden.api.oomlimit import Step
from oomwarden.api.policy import Rule
from oomwarden.core.model.limit_ownership import LimitOwner, LimitWriters
from oomwarden.core.model.pod import ContainerFacts
from oomwarden.core.model.quantity import parse_bytes

_OLD = re.compile(r"oomwarden-(?P<step>limit|raise)/(?P<of>[^/]+)/(?P<before>none|[0-9]{1,19})")


def old_mark(managers: Iterable[str], container: str) -> LimitOwner | None:
    """Read a mark of an earlier version from the managers that changed a container's limit."""
    found = None
    for name in managers:
        if (read := _OLD.fullmatch(name)) and read["of"] == container:
            before = None if read["before"] == "none" else int(read["before"])
            found = LimitOwner(Step(read["step"].capitalize()), before)
    return found


def adoptable(container: ContainerFacts, rule: Rule, limit: int | None) -> LimitOwner | None:
    """Give the mark that may be taken over into a record; None: there is none, or no policy's.

    Args:
        container: As it is now.
        rule: Of the policy that wins it.
        limit: The rule's memory.limit in bytes; None: it has none.
    """
    spec, mark = container.spec, container.spec.old_mark
    if mark is None or spec.asked is None or spec.writers != LimitWriters():
        return None
    raising = rule.on_oom.raise_limit if rule.on_oom and mark.step is Step.RAISE else None
    raised = raising is not None and spec.asked <= parse_bytes(raising.up_to)
    granted = spec.asked == limit or raised
    return mark if granted and (mark.before or 0) <= spec.asked else None
