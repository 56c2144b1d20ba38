"""Follows owner references upwards, as far as the user's rights allow."""

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError, NotFoundError
from oomwarden.cli.cluster.resources import ApiResource
from oomwarden.cli.errors import CliError
from oomwarden.core.history.kill_record import text_at
from oomwarden.core.objects.json_parts import Json, objects_at
from oomwarden.core.workloads.owner import (
    MAX_OWNERS,
    OwnerObject,
    OwnerReference,
    controller_of,
    known_resource,
)


def owner_chain(
    cluster: Cluster, namespace: str, first: OwnerReference | None, notes: list[str]
) -> list[OwnerObject]:
    """Return the owners, from a pod's controller upwards.

    Args:
        cluster: The cluster.
        namespace: The pod's namespace.
        first: The pod's controller; None if it has none.
        notes: Gets a sentence for what cannot be read.
    """
    chain: list[OwnerObject] = []
    reference = first
    while reference is not None and len(chain) < MAX_OWNERS:
        owner = _owner(cluster, namespace, reference, notes)
        chain.append(owner)
        reference = controller_of(owner.manifest) if owner.manifest else None
    return chain


def _owner(
    cluster: Cluster, namespace: str, reference: OwnerReference, notes: list[str]
) -> OwnerObject:
    what = f"{reference.kind} {reference.name}"
    if not reference.api_version:
        notes.append(f"{what} was not looked up: the record does not know its API group.")
        return OwnerObject(reference, "")
    resource = ""
    try:
        found = _resource(cluster, reference)
        resource = found.title if reference.group not in {"apps", "batch"} else found.plural
        owner_namespace = namespace if found.namespaced else None
        manifest = cluster.get(found, owner_namespace, reference.name)
    except ForbiddenError as error:
        notes.append(f"{what} is unknown: {error}.")
    except NotFoundError:
        notes.append(f"{what} no longer exists.")
    except CliError as error:
        notes.append(f"{what} cannot be read: {error}.")
    else:
        return OwnerObject(reference, resource, _with_kind(manifest, reference))
    return OwnerObject(reference, resource)


def _with_kind(manifest: Json, reference: OwnerReference) -> Json:
    return {"apiVersion": reference.api_version, "kind": reference.kind, **manifest}


def _resource(cluster: Cluster, reference: OwnerReference) -> ApiResource:
    """Return the resource of a kind; ask the API server if it is not well known.

    Raises:
        CliError: The API server does not know the kind, or does not answer.
    """
    group, version = reference.group, reference.version
    if plural := known_resource(reference):
        return ApiResource(group, version, plural)
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    found = cluster.request("GET", path, f"discover {reference.api_version}")
    for each in objects_at(found, "resources"):
        name = text_at(each, "name") or ""
        if each.get("kind") == reference.kind and name and "/" not in name:
            return ApiResource(group, version, name, each.get("namespaced") is not False)
    raise CliError(f"{reference.api_version} has no kind {reference.kind}")
