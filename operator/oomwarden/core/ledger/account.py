"""The values of the ledger: tallies, readings, accounts, bookings."""

from dataclasses import dataclass

from oomwarden.core.model.cgroup import Cgroup, MemoryEvents


@dataclass(frozen=True, slots=True)
class KillCounters:
    """Counters of one cgroup: kills, group kills, limits hit below and at this very level."""

    oom_kill: int = 0
    oom_group_kill: int = 0
    oom: int = 0
    oom_local: int = 0

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


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a cgroup told. `limit` is memory.max in bytes where it was read and set."""

    inode: int
    events: MemoryEvents
    local: MemoryEvents | None = None
    limit: int | None = None

    def counters(self, before: KillCounters) -> KillCounters:
        """Give the counters that the books use; `oom_local` as before where it was not read."""
        local = self.local.oom if self.local else before.oom_local
        groups = self.events.oom_group_kill or 0
        return KillCounters(self.events.oom_kill, groups, self.events.oom, local)


@dataclass(slots=True)
class Account:
    """One cgroup's books. `epoch` rises when its counters fall.

    `idle` is what was seen when it was last found to have owed nothing for a while. `unclear`: of
    the kills of a pod that were recorded with a lost store nobody knows which container's they
    were, so what the pod owes is no container's by elimination.
    """

    cgroup: Cgroup
    parent: int | None
    recorded: KillCounters = KillCounters()
    observed: KillCounters = KillCounters()
    epoch: int = 0
    gone: bool = False
    limit: int | None = None
    idle: KillCounters | None = None
    unclear: bool = False

    @property
    def unrecorded(self) -> KillCounters:
        """What the kernel counted and no record tells yet."""
        return self.observed - self.recorded


@dataclass(frozen=True, slots=True)
class CounterRange:
    """Kills of one container (or of one of several): a range of the account's own oom_kill.

    `start..end` is a range of the pod's counter, or of a level above when the pod went unread.
    `container` is None when several vanished: `candidates` names them then.
    """

    account: Cgroup
    epoch: int
    start: int
    end: int
    pod: Cgroup | None
    container: Cgroup | None = None
    candidates: tuple[Cgroup, ...] = ()
    group_kills: int = 0
    container_limit: int | None = None
