"""The OOM killer's lines, parsed: one value per line (Linux mm/oom_kill.c, 5.10 to 7.2)."""

from msgspec import Struct

from oomwarden.core.kernel_log.oom_report import Interpretation


class Killed(Struct, frozen=True):
    """`Killed process`: a victim. Never rate limited. Sizes are in bytes."""

    stamp: float | None
    pid: int
    comm: bytes
    total_vm: int
    anon_rss: int
    file_rss: int
    shmem_rss: int
    uid: int
    page_tables: int
    oom_score_adj: int
    of_cgroup: bool = True
    """Whether a cgroup ran out of memory, not the machine."""
    caller: bytes | None = None


class NumaNodes(Struct, frozen=True):
    """The NUMA nodes that a task may use ran out of memory, while others may have memory free.

    Source: Linux mm/oom_kill.c, constrained_alloc.

    Attributes:
        constraint: CONSTRAINT_CPUSET (its cpuset only allows `mems_allowed`) or
            CONSTRAINT_MEMORY_POLICY (mbind or set_mempolicy only allow `nodemask`).
        nodemask: A list such as 0-1,3; None if it is unknown.
        mems_allowed: A list such as 0-1,3; None if it is unknown.
    """

    constraint: str
    nodemask: str | None
    mems_allowed: str | None


class Constraint(Struct, frozen=True):
    """`oom-kill:`: whose memory ran out and who was chosen. Rate limited to 10 in 5 s.

    Attributes:
        oom_memcg: The cgroup whose limit was hit; None if the whole machine ran out of memory
            (`global_oom`), or the NUMA nodes that `numa` names.
        task_memcg: The victim's cgroup; None if the end of the line is missing.
        pid: The victim's pid; None if the end of the line is missing.
        interpretations: All ways to read a line that a cgroup's name makes ambiguous. The comm of
            the `Killed process` line may decide.
    """

    stamp: float | None
    oom_memcg: str | None
    task_memcg: str | None
    pid: int | None
    numa: NumaNodes | None = None
    caller: bytes | None = None
    interpretations: tuple[Interpretation, ...] = ()


class UnreadableLine(Struct, frozen=True):
    """An `oom-kill:` line that is ambiguous; the next victim belongs to a new kill anyway."""

    stamp: float | None
    caller: bytes | None = None


class Skipped(Struct, frozen=True):
    """`OOM victim ... is already exiting`: chosen, but neither killed nor counted."""

    stamp: float | None
    pid: int
    caller: bytes | None = None


class GroupKill(Struct, frozen=True):
    """`Tasks in PATH are going to be killed`: follows the first victim. Never rate limited.

    Attributes:
        path: The cgroup; `(name too long)` if the kernel could not print it.
    """

    stamp: float | None
    path: str
    caller: bytes | None = None


LogEvent = Killed | Constraint | UnreadableLine | GroupKill | Skipped
