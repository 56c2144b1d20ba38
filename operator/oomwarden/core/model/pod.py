"""Facts about pods and containers that the decisions use."""

from collections.abc import Mapping

from msgspec import Struct, field

from oomwarden.api.oomkill import ContainerType, Owner
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.limit_ownership import LimitOwner, LimitOwnership

Labels = Mapping[str, str]
"""Labels of a pod, a namespace or a node."""


class SpecLimit(Struct, frozen=True):
    """A container's memory limit in its pod's spec, and who set it.

    Attributes:
        limit: In bytes; None for no limit.
        ownership: Who changed the limit, according to the operator's record.
        restarts_container: The container's resizePolicy restarts it when its limit changes.
        last_writer: Who claims to have changed it. Anyone who may patch the pod can forge this, so
            it decides nothing.
        legacy_owner: Record of an earlier version in managedFields. Forgeable too, and believed
            only if a policy agrees (core/pods/limit_adoption).
        request: Memory request in the spec, in bytes; 0 for none.
    """

    limit: int | None = None
    ownership: LimitOwnership = field(default_factory=LimitOwnership)
    restarts_container: bool = False
    last_writer: str = ""
    legacy_owner: LimitOwner | None = None
    request: int = 0

    @property
    def owned_limit(self) -> int | None:
        """Return the limit if oomwarden set it; None otherwise."""
        return self.limit if self.ownership.owner else None


class ContainerFacts(Struct, frozen=True):
    """A container as its pod's spec and status describe it.

    Attributes:
        name: The container's name.
        type: The kind of container.
        container_id: ID of the running container; None if it is not running.
        limit: Memory limit in effect, in bytes; None for no limit.
        previous_id: ID of the last container of this name that ended.
        request: Memory request in effect, in bytes; 0 for none.
        spec: The limit in the spec, which a resize may still have to bring into effect.
    """

    name: str
    type: ContainerType
    container_id: str | None = None
    limit: int | None = None
    previous_id: str | None = None
    request: int = 0
    spec: SpecLimit = SpecLimit()


class ResizeStatus(Struct, frozen=True):
    """What the kubelet reports of a resize that is not complete.

    Attributes:
        reason: Deferred, Infeasible, Error or InProgress; empty if there is none.
        message: The kubelet's message.
    """

    reason: str = ""
    message: str = ""


class PodFacts(Struct, frozen=True):
    """A pod of this node.

    Attributes:
        uid: The pod's UID.
        cgroup_uid: UID in the name of its cgroup. It differs from `uid` for static pods
            (config.hash).
        namespace: The pod's namespace.
        name: The pod's name.
        labels: The pod's labels.
        qos: Its QoS class.
        priority_class: Its priorityClassName.
        owner: Its workload.
        deleting: Whether it has a deletionTimestamp.
        containers: Containers of all kinds.
        created: Its creationTimestamp (RFC 3339, seconds, UTC).
        resize: The kubelet's resize status.
        request: Memory request of the pod as a whole (KEP-2837), in bytes; 0 for none.
        limit: Memory limit of the pod as a whole, in bytes; None for none.
        overhead: What its RuntimeClass adds to its limit, in bytes.
        tmpfs: Names of its memory-backed emptyDirs.
        left_out: What exceeded the bounds (core/objects/needed_fields.py).
        unreadable: What could not be read.
        is_confirmed: For a mirror pod, whether the kubelet has written its status
            (core/pods/static_pods.py).
    """

    uid: str
    cgroup_uid: str
    namespace: str
    name: str
    labels: dict[str, str]
    qos: QOSClass
    priority_class: str | None = None
    owner: Owner | None = None
    deleting: bool = False
    containers: tuple[ContainerFacts, ...] = ()
    created: str | None = None
    resize: ResizeStatus = ResizeStatus()
    request: int = 0
    limit: int | None = None
    overhead: int = 0
    tmpfs: tuple[str, ...] = ()
    left_out: str = ""
    unreadable: str = ""
    is_confirmed: bool = True

    @property
    def is_static(self) -> bool:
        """Return whether the kubelet runs it from a file, so that the API cannot change it."""
        return self.cgroup_uid != self.uid
