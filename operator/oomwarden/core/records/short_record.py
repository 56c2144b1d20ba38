"""A record cut down to who, when, how often and the evidence.

An API server that refuses a record for one of its fields (a CRD of another version, a value that
it does not know yet) may take this, so that the kill comes at all.
"""

from oomwarden.api.oomkill import Cause
from oomwarden.core.records.metadata import labels_of
from oomwarden.core.records.oomkill import Manifest

_FIRST_CAUSES = {
    Cause.CONTAINER_LIMIT, Cause.POD_LIMIT, Cause.NODE_ALLOCATABLE, Cause.NODE_OUT_OF_MEMORY,
}  # fmt: skip
"""Those that every version of the CRD knows."""
_KEPT = ("apiVersion", "kind", "node", "kills", "groupKill")
_EVIDENCE = ("bootID", "cgroup", "level", "epoch", "from", "to")


def short_record(kill: Manifest) -> Manifest:
    """Keep a record's identity and counts, under its name; what else it tells is left out."""
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
