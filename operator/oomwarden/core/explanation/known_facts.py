"""What a story is made of: the record, and what else could be read of the cluster."""

from collections.abc import Sequence

from msgspec import Struct, field

from oomwarden.core.history.kill_record import KillRecord, text_at
from oomwarden.core.objects.json_parts import Json, object_at
from oomwarden.core.workloads.owner import OwnerObject
from oomwarden.core.workloads.pod_parts import PlacedContainer, placed_container
from oomwarden.core.workloads.pod_template import PodTemplate, find_template

_MIRROR = "kubernetes.io/config.mirror"


class KnownFacts(Struct, frozen=True):
    """Everything besides the record is optional.

    Attributes:
        pod: The Pod of the record; None if it no longer exists, or cannot be read.
        is_pod_gone: Whether the pod is known not to exist any more.
        owners: The pod's owners, from its controller upwards.
        policy: The policy that governed the container.
        is_policy_gone: Whether that policy is known not to exist any more.
        node_memory: RAM of the node in bytes; None if it is unknown.
        limit_ranges: Names of the namespace's LimitRanges.
        others: All records of the namespace.
        notes: What could not be read.
    """

    record: KillRecord
    pod: Json | None = None
    is_pod_gone: bool = False
    owners: Sequence[OwnerObject] = ()
    policy: Json | None = None
    is_policy_gone: bool = False
    node_memory: int | None = None
    limit_ranges: Sequence[str] = ()
    others: Sequence[KillRecord] = ()
    notes: Sequence[str] = field(default=())

    @property
    def container(self) -> PlacedContainer | None:
        """The container in the Pod's spec; None if either is unknown."""
        return placed_container(object_at(self.pod, "spec"), self.record.container)

    @property
    def template(self) -> PodTemplate | None:
        """The template that decides the container's resources."""
        type_ = text_at(object_at(self.record.manifest, "container"), "type")
        section = "initContainers" if type_ in {"Init", "Sidecar"} else "containers"
        return find_template(self.pod, self.owners, self.record.container, section)

    @property
    def is_static(self) -> bool:
        """Whether the kubelet runs the pod from a file, so that the API cannot change it."""
        return _MIRROR in object_at(object_at(self.pod, "metadata"), "annotations")
