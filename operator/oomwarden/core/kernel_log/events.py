"""What the OOM killer's lines say, one value for each line (Linux mm/oom_kill.c, 5.10 to 7.2)."""

from dataclasses import dataclass

from oomwarden.core.kernel_log.oom_report import ReportReading


@dataclass(frozen=True, slots=True)
class Killed:
    """`Killed process`: never rate limited. Sizes in bytes."""

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
    """Whether a cgroup's memory ran out, not the machine's."""
    caller: bytes | None = None


@dataclass(frozen=True, slots=True)
class NumaNodes:
    """That the NUMA nodes which a task may use ran out, while others may have memory free.

    `constraint` is CONSTRAINT_CPUSET (its cpuset allows `mems_allowed` only) or
    CONSTRAINT_MEMORY_POLICY (mbind or set_mempolicy allow `nodemask` only); Linux mm/oom_kill.c,
    constrained_alloc. Lists such as 0-1,3; None: not known.
    """

    constraint: str
    nodemask: str | None
    mems_allowed: str | None


@dataclass(frozen=True, slots=True)
class Constraint:
    """`oom-kill:`: whose memory ran out and who was chosen; dropped after 10 in 5 s.

    `oom_memcg` is None when the whole machine ran out (`global_oom`), or the NUMA nodes that `numa`
    names. `task_memcg`, `pid`: None where the end of the line never came. `ways`: all ways to read
    a line that a cgroup's name makes ambiguous; the comm of `Killed process` may decide.
    """

    stamp: float | None
    oom_memcg: str | None
    task_memcg: str | None
    pid: int | None
    numa: NumaNodes | None = None
    caller: bytes | None = None
    ways: tuple[ReportReading, ...] = ()


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """An `oom-kill:` line that says nothing for certain: the next victim is another kill's."""

    stamp: float | None
    caller: bytes | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """`OOM victim ... is already exiting`: chosen, but neither killed nor counted."""

    stamp: float | None
    pid: int
    caller: bytes | None = None


@dataclass(frozen=True, slots=True)
class GroupKill:
    """`Tasks in PATH are going to be killed`: follows its first victim, never rate limited.

    `path` is what the kernel prints instead where it is too long: `(name too long)`.
    """

    stamp: float | None
    path: str
    caller: bytes | None = None


LogEvent = Killed | Constraint | UnreadableLine | GroupKill | Skipped
