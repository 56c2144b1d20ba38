"""Which fields a record leaves out while there are too many records."""

from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.quota.budget_terms import Reason

MAX_VICTIMS = 3
_HISTORY = ("samples", "history")


def reduced(kill: Manifest, reason: Reason) -> Manifest:
    """Return a smaller record that names the reason in `reducedBy`; its range stays the same.

    It keeps what was killed, when, why and how often. Memory samples and the processes other than
    the victims make up most of a record's size.
    """
    record = {**kill, "reducedBy": str(reason)}
    if "victims" in kill:
        record["victims"] = kill["victims"][:MAX_VICTIMS]
    if "memory" in kill:
        record["memory"] = _without_history(kill["memory"])
    return record


def _without_history(memory: Manifest) -> Manifest:
    reduced_memory = {key: value for key, value in memory.items() if key not in _HISTORY}
    if "detail" in memory:
        detail = memory["detail"].items()
        reduced_memory["detail"] = {key: value for key, value in detail if key != "processes"}
    return reduced_memory
