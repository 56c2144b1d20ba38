"""Cgroups as the kernel and the kubelet lay them out, and their counters."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """A cgroup's level between the kubelet's root and a container."""

    KUBEPODS = "Kubepods"
    QOS = "QoS"
    POD = "Pod"
    CONTAINER = "Container"


class Cgroup(Struct, frozen=True):
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


class KillCounters(Struct, frozen=True):
    """Counters of one cgroup, by their names in memory.events; 0 where the kernel has none.

    Attributes:
        oom_kill: Processes killed in the cgroup and below it.
        oom_group_kill: Group kills in the cgroup and below it.
        oom: How often a limit was hit in the cgroup or below it.
        oom_local: How often this cgroup's own limit was hit (`oom` of memory.events.local).
    """

    oom_kill: int = 0
    oom_group_kill: int = 0
    oom: int = 0
    oom_local: int = 0

    @property
    def hierarchical(self) -> tuple[int, int, int]:
        """What memory.events has: the counters that rise here with those of a child."""
        return self.oom, self.oom_kill, self.oom_group_kill

    def __add__(self, other: "KillCounters") -> "KillCounters":
        return KillCounters(
            self.oom_kill + other.oom_kill,
            self.oom_group_kill + other.oom_group_kill,
            self.oom + other.oom,
            self.oom_local + other.oom_local,
        )

    def __sub__(self, other: "KillCounters") -> "KillCounters":
        return KillCounters(
            self.oom_kill - other.oom_kill,
            self.oom_group_kill - other.oom_group_kill,
            self.oom - other.oom,
            self.oom_local - other.oom_local,
        )


NO_KILLS = KillCounters()


class LimitHits(Struct, frozen=True):
    """Counters of memory.events.local.

    Attributes:
        hits: `max`: how often the cgroup's own limit was hit. It rises once for each attempt to
            reclaim memory, before it (Linux 6.1 mm/memcontrol.c, try_charge_memcg).
        failures: `oom`: how often no attempt helped, so that the kernel killed, or refused memory.
    """

    hits: int = 0
    failures: int = 0


MemoryEvents = Mapping[str, int]
"""The counters of memory.events by their names: low, high, max, oom, oom_kill, oom_group_kill."""
