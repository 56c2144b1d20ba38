"""What `kubectl oom why` knows of a kill, for tests of the pure parts."""

from typing import Any

from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.history.kill_record import read_record
from oomwarden.core.workloads.owner import OwnerObject, OwnerReference

from tests.support.kill_objects import oomkill
from tests.support.workload_objects import Object, owner, pod

_RESOURCES = {"Rollout": "rollouts.argoproj.io", "Database": "databases.example.com"}


def looked_up(manifest: Object) -> OwnerObject:
    """Return an owner as it is looked up."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    found = OwnerReference(manifest["apiVersion"], kind, name)
    return OwnerObject(found, _RESOURCES.get(kind, f"{kind.lower()}s"), manifest)


def facts(*owners: Object, of: Object | None = None, **known: Any) -> KnownFacts:  # noqa: ANN401
    """Return what is known of a kill in a Deployment; `owners` replace the Deployment."""
    chain = owners or (owner("ReplicaSet", "api-7d9f"), owner("Deployment", "api"))
    whole = {"pod": pod(), "owners": [looked_up(each) for each in chain]} | known
    return KnownFacts(read_record(of or oomkill()), **whole)


def memory(**detail: Any) -> Object:  # noqa: ANN401 - JSON
    """Return the memory of a record, with a detailed reading."""
    at = {"at": "2026-11-01T09:59:57Z", "usage": "505Mi"}
    return {"at": "2026-11-01T09:59:59Z", "usage": "511Mi", "detail": at | detail}
