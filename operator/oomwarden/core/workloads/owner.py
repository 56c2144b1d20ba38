"""The owners of a pod, as far as they can be read."""

from msgspec import Struct

from oomwarden.core.objects.json_parts import Json, object_at, objects_at

MAX_OWNERS = 6
"""Levels of owners that are followed; a usual pod has one or two."""
_KNOWN = {
    "Pod": ("v1", "pods"),
    "ReplicationController": ("v1", "replicationcontrollers"),
    "Deployment": ("apps/v1", "deployments"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "Job": ("batch/v1", "jobs"),
    "CronJob": ("batch/v1", "cronjobs"),
    "Rollout": ("argoproj.io/v1alpha1", "rollouts"),
}


class OwnerReference(Struct, frozen=True):
    """Refers to an owner.

    Attributes:
        api_version: Group and version, such as apps/v1; empty if only the kind is known.
    """

    api_version: str
    kind: str
    name: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version within the group."""
        return self.api_version.rpartition("/")[2]


class OwnerObject(Struct, frozen=True):
    """An owner that was looked up.

    Attributes:
        resource: Its resource for kubectl, such as rollouts.argoproj.io; empty if it is unknown.
        manifest: The object; None if it could not be read, or no longer exists.
    """

    reference: OwnerReference
    resource: str
    manifest: Json | None = None

    @property
    def is_built_in(self) -> bool:
        """Whether Kubernetes itself defines the kind, so that strategic merge patches work."""
        known = _KNOWN.get(self.reference.kind)
        return known is not None and known[0] == self.reference.api_version and self.group == ""

    @property
    def group(self) -> str:
        """The group of a custom resource; empty for those of Kubernetes."""
        group = self.reference.group
        return "" if group in {"", "apps", "batch"} else group


def known_resource(reference: OwnerReference) -> str | None:
    """Return the plural name of a well-known kind, so that nobody has to ask the API server."""
    known = _KNOWN.get(reference.kind)
    return known[1] if known and known[0] == reference.api_version else None


def reference_of_kind(kind: str, name: str) -> OwnerReference:
    """Return a reference by kind and name alone, as an OOMKill has them."""
    return OwnerReference(_KNOWN.get(kind, ("", ""))[0], kind, name)


def controller_of(manifest: Json) -> OwnerReference | None:
    """Return the controller of an object; for a Rollout, the workload that has its template.

    A static pod's controller, its Node, does not count.

    Source: argo-rollouts pkg/apis/rollouts/v1alpha1/types.go, RolloutSpec.WorkloadRef (v1.8).
    """
    for each in objects_at(object_at(manifest, "metadata"), "ownerReferences"):
        if each.get("controller") is True:
            found = _reference(each)
            return None if found is None or found.kind == "Node" else found
    workload = object_at(object_at(manifest, "spec"), "workloadRef")
    return _reference(workload) if manifest.get("kind") == "Rollout" and workload else None


def _reference(found: Json) -> OwnerReference | None:
    parts = [found.get(key) for key in ("apiVersion", "kind", "name")]
    texts = [part for part in parts if isinstance(part, str) and part]
    return OwnerReference(*texts) if len(texts) == len(parts) else None
