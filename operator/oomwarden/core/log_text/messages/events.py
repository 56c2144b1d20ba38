"""The messages of an OOM kill, one value per message. Sizes are in kB, as printed."""

from msgspec import Struct, field


class VictimLine(Struct, frozen=True):
    """`Killed process`: a victim. What is None is not in the text.

    Attributes:
        of: `machine` or `cgroup`.
        sizes: kB by the kernel's name: total-vm, anon-rss, file-rss, shmem-rss, pgtables.
        is_cut: Whether its last field is cut off.
    """

    pid: int | None
    comm: str
    of: str | None = None
    uid: int | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    oom_score_adj: int | None = None
    is_cut: bool = False


class ChosenLine(Struct, frozen=True):
    """`Kill process N (c) score S or sacrifice child`: the choice of kernels before 5.0."""

    pid: int
    comm: str
    score: int | None
    of: str | None
    is_allocating_task: bool = False


class SharingLine(Struct, frozen=True):
    """`Kill process N (c) sharing same memory`: killed with the victim (2.6.36 to 4.5)."""

    pid: int
    comm: str


class ConstraintText(Struct, frozen=True):
    """`oom-kill:`, or a piece of it in a record of its own."""

    text: str
    is_begin: bool


class TaskInLine(Struct, frozen=True):
    """`Task in A killed as a result of limit of B` (2.6.25 to 4.20)."""

    place: str
    limit_of: str | None


class GroupLine(Struct, frozen=True):
    """`Tasks in PATH are going to be killed due to memory.oom.group set` (since 4.19)."""

    path: str | None


class UsageLine(Struct, frozen=True):
    """`memory: usage 4kB, limit 4kB, failcnt 8`; also `memory+swap`, `kmem` and `swap`."""

    counter: str
    usage: int
    limit: int
    failures: int | None


class StatsLine(Struct, frozen=True):
    """`Memory cgroup stats for PATH:`, with bytes by key if they are on the same line."""

    path: str | None
    sizes: dict[str, int]


class InvokedLine(Struct, frozen=True):
    """`COMM invoked oom-killer`: who asked for memory."""

    comm: str | None
    gfp_mask: str
    gfp_flags: str | None
    order: int | None
    adj: int | None


class CallerLine(Struct, frozen=True):
    """`CPU: 1 PID: 2 Comm: c ... 5.10.0 #1`: the process that asked, and the kernel."""

    pid: int
    comm: str
    kernel: str | None


class TaskListHead(Struct, frozen=True):
    """The head of the list of tasks: the names of its columns."""

    columns: tuple[str, ...]


class TaskRow(Struct, frozen=True):
    """A row of the list of tasks: its fields after the pid, and the name."""

    pid: int
    numbers: tuple[int, ...]
    name: str


class LossLine(Struct, frozen=True):
    """Messages that the kernel, journald or rsyslog dropped; 0 if nobody says how many."""

    count: int
    by: str


class MachineLine(Struct, frozen=True):
    """Numbers about the machine: pages of RAM, kB of swap, pages by kind."""

    numbers: dict[str, int]


class ReapedLine(Struct, frozen=True):
    """`oom_reaper: reaped process`, or `unable to reap`."""

    pid: int
    is_done: bool


class NoVictimLine(Struct, frozen=True):
    """The kernel found nobody to kill, or killed nobody: a sentence for people.

    Attributes:
        reason: What happened.
        pid: The process that was chosen but exits by itself.
    """

    reason: str
    pid: int | None = None


Event = (
    VictimLine
    | ChosenLine
    | SharingLine
    | ConstraintText
    | TaskInLine
    | GroupLine
    | UsageLine
    | StatsLine
    | InvokedLine
    | CallerLine
    | TaskListHead
    | TaskRow
    | LossLine
    | MachineLine
    | ReapedLine
    | NoVictimLine
)
