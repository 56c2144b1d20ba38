"""An OOM kill as a log tells it."""

from msgspec import Struct, field

from oomwarden.core.log_text.lines.prefix import Origin
from oomwarden.core.log_text.messages.constraint import ConstraintFacts
from oomwarden.core.log_text.messages.events import (
    CallerLine,
    ChosenLine,
    InvokedLine,
    LossLine,
    TaskInLine,
    UsageLine,
    VictimLine,
)
from oomwarden.core.log_text.tasks import RankedTask, TaskRanking

NO_LIMIT_KB = 1 << 50
"""From here on, a limit is none: the kernel prints 9007199254740988kB."""
MAX_MEMBERS = 1024
"""Others of a group kill that are listed; more are counted."""


class TextKill(Struct):
    """One OOM kill with everything that the log says about it; None is not in the log.

    Attributes:
        line: Where it is in the file.
        origin: When and where it was logged.
        victim: The process; its pid is the one in the initial pid namespace.
        constraint: The `oom-kill:` line.
        task_in: The line that names the cgroups before 5.0.
        group: The cgroup that is killed as a group.
        members: The other victims of a group kill.
        more_members: How many of them are not listed.
        chosen: Whom an old kernel chose before it took a child, or the same process.
        usage: Counters of the cgroup, by `memory`, `memory+swap`, `kmem` and `swap`.
        stats: Bytes of the cgroup by kind, as memory.stat names them.
        invoked: Who asked for memory.
        caller: Its pid, and the kernel's release.
        tasks: The list of tasks, ranked.
        machine: Numbers about the machine: `ram_pages`, `swap_kb`, pages by kind.
        losses: Messages that were dropped before it.
        sharing: Pids that were killed with it, because they share its memory.
        reaped: Whether the oom_reaper freed its memory; None if no line says so.
        copies: How often the log has it.
        is_named_only: Whether the line `Killed process` itself is missing.
    """

    line: int
    origin: Origin
    victim: VictimLine
    constraint: ConstraintFacts | None = None
    task_in: TaskInLine | None = None
    group: str | None = None
    members: list[VictimLine] = field(default_factory=list)
    more_members: int = 0
    chosen: ChosenLine | None = None
    usage: dict[str, UsageLine] = field(default_factory=dict)
    stats: dict[str, int] = field(default_factory=dict)
    invoked: InvokedLine | None = None
    caller: CallerLine | None = None
    tasks: TaskRanking | None = None
    machine: dict[str, int] = field(default_factory=dict)
    losses: list[LossLine] = field(default_factory=list)
    sharing: list[int] = field(default_factory=list)
    reaped: bool | None = None
    copies: int = 1
    is_named_only: bool = False

    @property
    def of(self) -> str | None:
        """`cgroup` or `machine`: whose memory ran out."""
        known = self.victim.of
        known = known or (self.constraint.of if self.constraint else None)
        known = known or (self.chosen.of if self.chosen else None)
        return known or ("cgroup" if self.task_in or "memory" in self.usage else None)

    @property
    def place(self) -> str | None:
        """The victim's cgroup."""
        if self.constraint and self.constraint.place:
            return self.constraint.place
        return self.task_in.place if self.task_in else None

    @property
    def limit_of(self) -> str | None:
        """The cgroup whose limit was hit."""
        if self.constraint and self.constraint.limit_of:
            return self.constraint.limit_of
        return self.task_in.limit_of if self.task_in else None

    @property
    def limit_kb(self) -> int | None:
        """The memory limit of that cgroup in kB; None if it is not printed, or if there is none."""
        memory = self.usage.get("memory")
        return memory.limit if memory and memory.limit < NO_LIMIT_KB else None

    @property
    def usage_kb(self) -> int | None:
        """How much the cgroup used, in kB."""
        return self.usage["memory"].usage if "memory" in self.usage else None

    @property
    def uid(self) -> int | None:
        """The victim's user."""
        if self.victim.uid is not None:
            return self.victim.uid
        if self.constraint and self.constraint.uid is not None:
            return self.constraint.uid
        return self.row.uid if self.row else None

    @property
    def row(self) -> RankedTask | None:
        """The victim in the list of tasks."""
        tasks = self.tasks.top if self.tasks else ()
        return next((each for each in tasks if each.pid == self.victim.pid), None)

    @property
    def oom_score_adj(self) -> int | None:
        """The victim's oom_score_adj, from its own line or from the list of tasks."""
        if self.victim.oom_score_adj is not None:
            return self.victim.oom_score_adj
        has_adj = self.tasks is not None and self.tasks.has_adj
        return self.row.adj if self.row and has_adj else None

    @property
    def first_chosen(self) -> ChosenLine | None:
        """The process that was chosen, if the victim is another one: its child."""
        other = self.chosen is not None and self.chosen.pid != self.victim.pid
        return self.chosen if other else None

    @property
    def dropped(self) -> int | None:
        """How many messages were dropped before it; 0 if nobody says how many, None if none."""
        return sum(each.count for each in self.losses) if self.losses else None

    @property
    def where(self) -> str | None:
        """The smallest cgroup that is known to hold the victim."""
        return self.place or (self.group or None) or self.limit_of


class WithoutVictim(Struct, frozen=True):
    """A report of the OOM killer that names no victim.

    Attributes:
        line: Where it is in the file.
        reason: Why there is none, in words.
    """

    line: int
    origin: Origin
    reason: str
    invoked: InvokedLine | None = None
    limit_of: str | None = None
