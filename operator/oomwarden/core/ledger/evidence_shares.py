"""Which containers a record covers: a merged record covers several that had the same name.

If the store is lost, the ledger is rebuilt from this. Kills of a running container that are already
recorded must not count as unrecorded, or kills of another container would be recorded as its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oomwarden.core.objects.json_parts import Manifest

MAX_SHARES = 8
"""At most one container of a name runs; earlier ones matter only until their cgroups are gone."""


def shares_of(kill: Mapping[str, Any]) -> list[Manifest]:
    """Return the part of a record's range that each container has.

    Returns:
        One entry for each known container: `id`, `increments` of the counter, `kills`. The part of
        the range that they do not add up to belongs to unknown containers.
    """
    evidence = kill["evidence"]
    if evidence.get("containers"):
        return list(evidence["containers"])
    found = (kill.get("container") or {}).get("id")
    size = evidence["to"] - evidence["from"]
    return [{"id": found, "increments": size, "kills": kill["kills"]}] if found else []


def joined_shares(kills: Iterable[Mapping[str, Any]]) -> list[Manifest]:
    """Add up the shares of records that are merged into one.

    Args:
        kills: The records in the order of their ranges, so that the newest container comes last.

    Returns:
        The newest `MAX_SHARES` shares; empty if the merged record's container id says it all.
    """
    joined: dict[str, Manifest] = {}
    whole = True
    for kill in kills:
        shares = shares_of(kill)
        whole = whole and len(shares) == 1 and not kill["evidence"].get("containers")
        for share in shares:
            before = joined.pop(share["id"], {"increments": 0, "kills": 0})
            joined[share["id"]] = {
                "id": share["id"],
                "increments": before["increments"] + share["increments"],
                "kills": before["kills"] + share["kills"],
            }
    return [] if whole and len(joined) == 1 else list(joined.values())[-MAX_SHARES:]
