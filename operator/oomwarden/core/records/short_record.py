"""A record reduced to its identity, its time, its counts and its evidence.

If the API server rejects a record because of a field (the CRD has another version, or does not know
a value yet), it may accept this one, so that the kill is recorded at all.
"""

from oomwarden.api.oomkill import Cause
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.metadata import labels_of

_FIRST_CAUSES = {
    Cause.CONTAINER_LIMIT, Cause.POD_LIMIT, Cause.NODE_ALLOCATABLE, Cause.NODE_OUT_OF_MEMORY,
}  # fmt: skip
"""The causes that every version of the CRD knows."""
_KEPT = ("apiVersion", "kind", "node", "kills", "groupKill")
_EVIDENCE = ("bootID", "cgroup", "level", "epoch", "from", "to")


def short_record(kill: Manifest) -> Manifest:
    """Return a record with only its identity and counts, under the same name."""
    cause = kill["cause"] if kill["cause"] in _FIRST_CAUSES else str(Cause.UNKNOWN)
    short = {
        **{key: kill[key] for key in _KEPT if key in kill},
        "pod": {key: kill["pod"][key] for key in ("name", "uid")},
        "container": {
            key: kill["container"][key] for key in ("name", "id") if key in kill["container"]
        },
        "cause": cause,
        "time": {key: kill["time"][key] for key in ("after", "before") if key in kill["time"]},
        "evidence": {key: kill["evidence"][key] for key in _EVIDENCE if key in kill["evidence"]},
    }
    metadata = {key: kill["metadata"][key] for key in ("name", "namespace")}
    return {**short, "metadata": metadata | {"labels": labels_of(short)}}
