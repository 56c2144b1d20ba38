"""Facts that other modules pass around: what was read from the kernel and from the API server."""

from dataclasses import dataclass, field

from oomwarden.api.oomkill import ContainerType, Owner
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.limit_ownership import LimitOwner, LimitWriters


@dataclass(frozen=True, slots=True)
class SpecLimit:
    """A memory limit as the pod's spec has it, in bytes (None: none), and who changed it.

    `writers` comes from the operator's record. `restarts`: the container's resizePolicy has it
    restarted when the limit changes. `changer` names who says to have changed it, which anybody
    who may patch the pod can make up: it decides nothing. Nor is `old_mark`, of an earlier version,
    believed without a policy (core/pods/limit_adoption). `request`: the memory request of the spec;
    0: none.
    """

    asked: int | None = None
    writers: LimitWriters = field(default_factory=LimitWriters)
    restarts: bool = False
    changer: str = ""
    old_mark: LimitOwner | None = None
    request: int = 0

    @property
    def ours(self) -> int | None:
        """Give the limit if we have set it; None: somebody else has, or there is none."""
        return self.asked if self.writers.mark else None


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """A container as its pod's spec and status name it. `limit` in bytes; None: no limit.

    `limit` and `request` (bytes; 0: none) are those in force, `spec` is what a resize may still
    have to bring about.
    """

    name: str
    type: ContainerType
    container_id: str | None = None
    limit: int | None = None
    previous_id: str | None = None
    request: int = 0
    spec: SpecLimit = SpecLimit()


@dataclass(frozen=True, slots=True)
class ResizeTrouble:
    """What the kubelet says of a resize that is not done.

    `reason` is Deferred, Infeasible, Error or InProgress; empty: nothing.
    """

    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod of this node. `cgroup_uid` differs from `uid` for static pods (config.hash).

    `created` as the API server writes it (RFC 3339, seconds, UTC). `request`: the memory that the
    pod as a whole asks for (KEP-2837), in bytes; 0: only its containers do. `limit`: the memory
    limit of the pod as a whole, in bytes; None: only its containers have such. `overhead`: what its
    RuntimeClass adds to its limit, in bytes. `tmpfs`: its memory-backed emptyDirs. `cut` names what
    was left out (core/objects/needed_fields.py), `odd` what could not be read. `vouched`: of a
    mirror, whether the kubelet has written its status (core/pods/static_pods.py).
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
    resize: ResizeTrouble = ResizeTrouble()
    request: int = 0
    limit: int | None = None
    overhead: int = 0
    tmpfs: tuple[str, ...] = ()
    cut: str = ""
    odd: str = ""
    vouched: bool = True

    @property
    def is_static(self) -> bool:
        """Whether the kubelet made it from a file of the node: the API server cannot change it."""
        return self.cgroup_uid != self.uid
