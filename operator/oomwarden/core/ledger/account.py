"""Values of the ledger: kill counters, readings, accounts and counter ranges."""

from dataclasses import dataclass

from oomwarden.core.model.cgroup import Cgroup, MemoryEvents


@dataclass(frozen=True, slots=True)
class KillCounters:
    """Counters of one cgroup, by their names in memory.events.

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
    """One read of a cgroup's counters.

    Attributes:
        inode: Inode of the cgroup's directory.
        events: memory.events.
        local: memory.events.local; None if it was not read.
        limit: memory.max in bytes; None if it was not read or is `max`.
    """

    inode: int
    events: MemoryEvents
    local: MemoryEvents | None = None
    limit: int | None = None

    def counters(self, before: KillCounters) -> KillCounters:
        """Return the counters that the ledger uses.

        Args:
            before: The counters observed before. `oom_local` is copied from them if it was not
                read this time.
        """
        local = self.local.oom if self.local else before.oom_local
        groups = self.events.oom_group_kill or 0
        return KillCounters(self.events.oom_kill, groups, self.events.oom, local)


@dataclass(slots=True)
class Account:
    """What the ledger knows of one cgroup.

    Attributes:
        parent: Inode of the cgroup above it; None for the topmost one.
        recorded: The part of its counters that is recorded.
        observed: Its counters when they were last read.
        epoch: Rises when the counters fall, as they do for a new cgroup.
        gone: Whether the cgroup was removed.
        limit: The last memory.max that was read, in bytes.
        idle_observed: Its counters at the last idle check (`Ledger.discard_idle_oom`).
        is_ambiguous: Whether some of a pod's kills were recorded before the store was lost and
            name no container. The pod's unrecorded kills cannot be attributed by elimination then.
    """

    cgroup: Cgroup
    parent: int | None
    recorded: KillCounters = KillCounters()
    observed: KillCounters = KillCounters()
    epoch: int = 0
    gone: bool = False
    limit: int | None = None
    idle_observed: KillCounters | None = None
    is_ambiguous: bool = False

    @property
    def unrecorded(self) -> KillCounters:
        """What the kernel counted and no record covers yet."""
        return self.observed - self.recorded


@dataclass(frozen=True, slots=True)
class CounterRange:
    """Kills of one container, as a range of a cgroup's `oom_kill` counter.

    Attributes:
        account: The cgroup whose counter it is: the pod, or a level above if the pod was removed
            before its counter was read.
        epoch: Epoch of that counter.
        start: Value of the counter before the kills.
        end: Value of the counter after the kills.
        pod: The pod that the kills happened in; None if it is unknown.
        container: The container; None if it is one of several that were removed unread.
        candidates: These containers, where `container` is None.
        group_kills: Number of group kills in the range.
        container_limit: memory.max of the container in bytes.
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
