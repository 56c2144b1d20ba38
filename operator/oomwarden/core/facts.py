"""Facts that other modules pass around: what was read from the kernel and from the API server."""

from dataclasses import dataclass, field
from enum import StrEnum

from oomwarden.api.oomkill import ContainerType, Owner
from oomwarden.api.policy import QOSClass
from oomwarden.core.limit_marks import Mark, Writers


class Level(StrEnum):
    """A cgroup's place between the kubelet's root and a container."""

    KUBEPODS = "Kubepods"
    QOS = "QoS"
    POD = "Pod"
    CONTAINER = "Container"


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A cgroup directory: `path` is relative to the cgroup2 mount, `inode` its directory's.

    `pod_uid` as the cgroup's name gives it (for a static pod its config.hash), with dashes;
    `container_id` is the runtime's 64 hexadecimal digits.
    """

    inode: int
    path: str
    level: Level
    pod_uid: str | None = None
    container_id: str | None = None


@dataclass(frozen=True, slots=True)
class SpecLimit:
    """A memory limit as the pod's spec has it, in bytes (None: none), and who changed it.

    `writers` comes from the operator's record. `restarts`: the container's resizePolicy has it
    restarted when the limit changes. `changer` names who says to have changed it, which anybody
    who may patch the pod can make up: it decides nothing. Nor is `old_mark`, of an earlier version,
    believed without a policy (core/adoption). `request`: the memory request of the spec; 0: none.
    """

    asked: int | None = None
    writers: Writers = field(default_factory=Writers)
    restarts: bool = False
    changer: str = ""
    old_mark: Mark | None = None
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
    was left out (core/needed_fields.py), `odd` what could not be read. `vouched`: of a mirror,
    whether the kubelet has written its status (core/static_pods.py).
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


@dataclass(frozen=True, slots=True)
class MemoryEvents:
    """memory.events of one cgroup; a counter that the kernel does not have is None or 0."""

    oom: int = 0
    oom_kill: int = 0
    oom_group_kill: int | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was found in a container. `start` is starttime of /proc/PID/stat in ticks."""

    pid: int
    start: int
    oom_score_adj: int
