"""Cgroups as the kernel and the kubelet lay them out, and what their counters read."""

from dataclasses import dataclass
from enum import StrEnum


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
class MemoryEvents:
    """memory.events of one cgroup; a counter that the kernel does not have is None or 0."""

    oom: int = 0
    oom_kill: int = 0
    oom_group_kill: int | None = None
