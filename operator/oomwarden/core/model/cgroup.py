"""Cgroups as the kernel and the kubelet lay them out, and their counters."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """A cgroup's level between the kubelet's root and a container."""

    KUBEPODS = "Kubepods"
    QOS = "QoS"
    POD = "Pod"
    CONTAINER = "Container"


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A cgroup directory.

    Attributes:
        inode: Inode number of the directory.
        path: Relative to the cgroup2 mount.
        level: The level of the cgroup.
        pod_uid: UID in the cgroup's name, with dashes; for a static pod its config.hash.
        container_id: The runtime's 64 hexadecimal digits.
    """

    inode: int
    path: str
    level: Level
    pod_uid: str | None = None
    container_id: str | None = None


@dataclass(frozen=True, slots=True)
class MemoryEvents:
    """memory.events of one cgroup. A counter that the kernel does not have is None or 0."""

    oom: int = 0
    oom_kill: int = 0
    oom_group_kill: int | None = None
