"""Which container has how much of a record's range: a merged record is of several of one name.

A lost store is rebuilt from that: what is recorded of a container that still runs must not be taken
for unrecorded, or another container's kill would be recorded as its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any

MAX_SHARES = 8
"""Of one name at most one container runs: the older ones matter only while their cgroups linger."""
Manifest = dict[str, Any]


def shares_of(kill: Mapping[str, Any]) -> list[Manifest]:
    """Give what each container, by its id, has of a record's range; what is left is of unknown."""
    evidence = kill["evidence"]
    if evidence.get("containers"):
        return list(evidence["containers"])
    found = (kill.get("container") or {}).get("id")
    size = evidence["to"] - evidence["from"]
    return [{"id": found, "increments": size, "kills": kill["kills"]}] if found else []


def joined_shares(kills: Iterable[Mapping[str, Any]]) -> list[Manifest]:
    """Add up the shares of records that become one; empty where one id says it all.

    Records come in the order of their ranges, so the newest container is the last one.
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
