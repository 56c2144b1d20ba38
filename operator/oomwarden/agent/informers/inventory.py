"""The container cgroups of this node, their names, and its pods; used by the event loop only."""

from collections.abc import Container as AbstractContainer

from msgspec import Struct, field

from oomwarden.agent.runtime.signal import Signal
from oomwarden.core.incidents.memory_history import UsageHistory
from oomwarden.core.incidents.usage_trend import UsageTrend
from oomwarden.core.log_line.keys import LogKeys, pod_keys
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.usage_pattern.verdict import Verdict

ContainerName = tuple[str, str, str]
"""Namespace, pod and container."""


class Container(Struct, eq=False):
    """A live container cgroup."""

    cgroup: Cgroup
    seen: float
    """When the agent first saw it, in event-loop seconds."""
    name: str | None = None
    """The container's name, from its mountinfo or the API server."""
    limit: int | None = None
    """memory.max in bytes; None if there is no limit."""
    existed: bool = False
    """Whether it was there when the agent started, so that its first moments are unknown."""
    memory: UsageHistory | None = None
    """None if it was never sampled."""
    trend: UsageTrend | None = None
    """Its usage over hours; None like `memory`."""
    verdict: Verdict | None = None
    """What its usage looks like; None where that was not worth a look."""


def container_keys(container: Container, pod: PodFacts | None) -> LogKeys:
    """Return what a log line says of a container; the pod is None if it is not known yet."""
    found = pod_keys(pod)
    found |= {"container": container.name, "cgroup": container.cgroup.path}
    return found


class _AllExcept(Struct, frozen=True):
    gone: frozenset[int]

    def __contains__(self, inode: object) -> bool:
        return inode not in self.gone


class Inventory(Struct):
    """Joins what the kernel and the API server report, by pod UID and container id."""

    containers: dict[int, Container] = field(default_factory=dict)
    """By cgroup inode."""
    synced: bool = False
    """Whether the pods of this node were listed once."""
    pods: dict[str, PodFacts] = field(default_factory=dict)
    """By the UID in the name of the pod's cgroup."""
    deleted: dict[str, PodFacts] = field(default_factory=dict)
    """Deleted pods, by the same UID: their last kills may be unrecorded."""
    partly_seen: bool = False
    """Whether some cgroups could not be opened."""
    appeared: Signal = field(default_factory=Signal)
    """Set when there is a new container or pod."""
    version: int = 0
    """Rises when a container appeared, got a name or another limit, or vanished, and when a pod has
    changed."""
    _last_seen: frozenset[int] = frozenset()

    def add(self, container: Container) -> None:
        """Add a container that appeared."""
        self.containers[container.cgroup.inode] = container
        self.version += 1
        self.appeared.set()

    def remove(self, cgroup: Cgroup) -> Container | None:
        """Remove a container whose cgroup vanished, and return it; None if it is not known."""
        container = self.containers.pop(cgroup.inode, None)
        self.version += container is not None
        return container

    def name(self, container: Container, name: str | None) -> None:
        """Set a container's name."""
        if name != container.name:
            container.name = name
            self.version += 1

    def set_limit(self, container: Container, limit: int | None) -> None:
        """Set a container's limit; the last one stays known if there is none now."""
        if limit and limit != container.limit:
            container.limit = limit
            self.version += 1

    def retained(self) -> AbstractContainer[int]:
        """Return the inodes of containers that exist or may exist: what is known of them is kept.

        While some cgroup cannot be opened, only containers that were seen at the last call and are
        not seen now count as gone.
        """
        gone, self._last_seen = self._last_seen - self.containers.keys(), frozenset(self.containers)
        return _AllExcept(gone) if self.partly_seen or not self.containers else self.containers

    def pod(self, cgroup: Cgroup) -> PodFacts | None:
        """Return the pod of a pod's or container's cgroup; None if it is not known yet."""
        uid = cgroup.pod_uid or ""
        return self.pods.get(uid) or self.deleted.get(uid)

    def by_name(self) -> dict[ContainerName, Container]:
        """Return the live containers that have a name; of two cgroups of one name, the newer."""
        found: dict[ContainerName, Container] = {}
        for container in self.containers.values():
            pod = self.pod(container.cgroup) if container.name else None
            if pod is not None and container.name:
                found[pod.namespace, pod.name, container.name] = container
        return found

    def container(self, container: Container) -> ContainerFacts | None:
        """Return a container's facts, found by its id or its name; None if it is not known yet."""
        pod = self.pod(container.cgroup)
        if pod is None:
            return None
        by_id = (c for c in pod.containers if c.container_id == container.cgroup.container_id)
        by_name = (c for c in pod.containers if c.name == container.name)
        return next(by_id, None) or next(by_name, None)
