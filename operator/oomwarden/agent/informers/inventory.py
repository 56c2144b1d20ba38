"""What is known of this node: its container cgroups, their names, its pods. Owned by the loop."""

import asyncio
from collections.abc import Container as AbstractContainer
from dataclasses import dataclass, field

from oomwarden.core.incidents.memory_history import UsageHistory
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.model.pod import ContainerFacts, PodFacts


@dataclass(slots=True, eq=False)
class Container:
    """A live container cgroup. `name` as its mountinfo told; `limit` is memory.max in bytes."""

    cgroup: Cgroup
    seen: float  # event-loop time in seconds
    name: str | None = None
    limit: int | None = None
    existed: bool = False  # found at start-up: its first moments were not seen
    memory: UsageHistory | None = None  # None: never sampled


@dataclass(frozen=True, slots=True)
class _AllBut:
    gone: frozenset[int]

    def __contains__(self, inode: object) -> bool:
        return inode not in self.gone


@dataclass(slots=True)
class Inventory:
    """The join of kernel and API server by pod UID and container id."""

    containers: dict[int, Container] = field(default_factory=dict)  # by cgroup inode
    synced: bool = False  # the API server has told this node's pods once
    pods: dict[str, PodFacts] = field(default_factory=dict)  # by cgroup_uid
    deleted: dict[str, PodFacts] = field(default_factory=dict)  # their last kills may be untold
    partly_seen: bool = False  # there are cgroups that could not be opened
    appeared: asyncio.Event = field(default_factory=asyncio.Event)  # a container or a pod is new
    _met: frozenset[int] = frozenset()

    def staying(self) -> AbstractContainer[int]:
        """Give the containers, by inode, that are there or may be: what is known of them is kept.

        While some cgroup cannot be opened, only those that were seen at the last call, and are not
        any more, are gone.
        """
        gone, self._met = self._met - self.containers.keys(), frozenset(self.containers)
        return _AllBut(gone) if self.partly_seen or not self.containers else self.containers

    def pod(self, cgroup: Cgroup) -> PodFacts | None:
        """Give the pod of a pod's or container's cgroup, when the API server has told it."""
        uid = cgroup.pod_uid or ""
        return self.pods.get(uid) or self.deleted.get(uid)

    def container(self, container: Container) -> ContainerFacts | None:
        """Give a container's facts, by its id or by the name its mounts told."""
        pod = self.pod(container.cgroup)
        if pod is None:
            return None
        by_id = (c for c in pod.containers if c.container_id == container.cgroup.container_id)
        by_name = (c for c in pod.containers if c.name == container.name)
        return next(by_id, None) or next(by_name, None)
