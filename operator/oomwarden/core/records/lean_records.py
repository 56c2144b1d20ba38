"""What a record leaves out while there are too many of them."""

from oomwarden.core.quota.budget_terms import Reason
from oomwarden.core.records.oomkill import Manifest

MOST_VICTIMS = 3


def lean(kill: Manifest, reason: Reason) -> Manifest:
    """Tell who, when, why and how many, and that it could have been more; ranges stay as they are.

    The samples of memory and the processes beside the victims are most of a record's size.
    """
    told = {**kill, "reducedBy": str(reason)}
    if "victims" in kill:
        told["victims"] = kill["victims"][:MOST_VICTIMS]
    if "memory" in kill:
        told["memory"] = _without_history(kill["memory"])
    return told


def _without_history(memory: Manifest) -> Manifest:
    left = {key: value for key, value in memory.items() if key != "samples"}
    if "detail" in memory:
        detail = memory["detail"].items()
        left["detail"] = {key: value for key, value in detail if key != "processes"}
    return left
