"""Values of the ledger: readings, accounts, attributions and counter ranges."""

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.model.cgroup import NO_KILLS, Cgroup, KillCounters


class Reading(Struct, frozen=True):
    """One read of a cgroup's counters.

    Attributes:
        inode: Inode of the cgroup's directory.
        events: memory.events, without `oom_local`.
        local: memory.events.local; None if it was not read.
        limit: memory.max in bytes; None if it was not read or is `max`.
    """

    inode: int
    events: KillCounters
    local: KillCounters | None = None
    limit: int | None = None

    def counters(self, before: KillCounters) -> KillCounters:
        """Return the counters that the ledger uses.

        Args:
            before: The counters observed before. `oom_local` is copied from them if it was not
                read this time.
        """
        local = self.local.oom if self.local else before.oom_local
        return replace(self.events, oom_local=local)


class Account(Struct):
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
    recorded: KillCounters = NO_KILLS
    observed: KillCounters = NO_KILLS
    epoch: int = 0
    gone: bool = False
    limit: int | None = None
    idle_observed: KillCounters | None = None
    is_ambiguous: bool = False

    @property
    def unrecorded(self) -> KillCounters:
        """What the kernel counted and no record covers yet."""
        return self.observed - self.recorded

    @property
    def has_unrecorded(self) -> bool:
        """Whether it has unrecorded kills."""
        return self.unrecorded_kills > 0

    @property
    def unrecorded_kills(self) -> int:
        """The `oom_kill` of `unrecorded`."""
        return self.observed.oom_kill - self.recorded.oom_kill

    def record_oom(self, kills: int) -> None:
        """Record one `oom` for each kill. The rest may lead to kills that are not counted yet.

        With many kills at the same time that takes seconds: `oom` rises before the wait for the
        OOM killer's lock (Linux mm/memcontrol.c, mem_cgroup_oom).
        """
        unrecorded = self.unrecorded
        oom, local = (max(min(each, kills), 0) for each in (unrecorded.oom, unrecorded.oom_local))
        self.recorded += KillCounters(0, 0, oom, local)


class Attribution(Struct, frozen=True):
    """A part of the unrecorded kills of a pod, or of a level above the pods.

    Attributes:
        kills: Increments of `oom_kill`.
        groups: Group kills among them.
        pod: The pod; None if it is unknown.
        container: The container; None if it is unknown.
        account: Inode of the container if it has an account of its own.
        candidates: Containers, or pods, that the kills may belong to if it is unknown which.
    """

    kills: int
    groups: int
    pod: Cgroup | None
    container: Cgroup | None = None
    account: int | None = None
    candidates: tuple[Cgroup, ...] = ()

    @property
    def path(self) -> str:
        """Path of the container; empty if it is unknown."""
        return self.container.path if self.container else ""

    @property
    def pod_path(self) -> str:
        """Path of the pod; empty if it is unknown."""
        return self.pod.path if self.pod else ""


class CounterRange(Struct, frozen=True):
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
