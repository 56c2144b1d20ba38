"""An OOM report while its lines arrive: everything before the line that names the victim."""

from msgspec import Struct, field

from oomwarden.core.log_text.kill import NO_LIMIT_KB, TextKill, WithoutVictim
from oomwarden.core.log_text.lines.prefix import Origin
from oomwarden.core.log_text.messages import constraint as constraint_line
from oomwarden.core.log_text.messages.constraint import ConstraintFacts, constraint_facts
from oomwarden.core.log_text.messages.events import (
    CallerLine,
    ChosenLine,
    ConstraintText,
    Event,
    InvokedLine,
    MachineLine,
    NoVictimLine,
    StatsLine,
    TaskInLine,
    TaskListHead,
    TaskRow,
    UsageLine,
    VictimLine,
)
from oomwarden.core.log_text.tasks import TaskList, TaskRanking

MAX_STATS = 64
_PAGE_KB = 4
CONTEXT = (
    ConstraintText,
    TaskInLine,
    UsageLine,
    StatsLine,
    InvokedLine,
    CallerLine,
    TaskListHead,
    TaskRow,
    MachineLine,
    ChosenLine,
    NoVictimLine,
)


class OomReport(Struct):
    """What the kernel has printed before it names the victim."""

    line: int
    origin: Origin
    constraint_text: str | None = None
    task_in: TaskInLine | None = None
    usage: dict[str, UsageLine] = field(default_factory=dict)
    stats: dict[str, int] = field(default_factory=dict)
    is_in_stats: bool = False
    invoked: InvokedLine | None = None
    caller: CallerLine | None = None
    tasks: TaskList | None = None
    machine: dict[str, int] = field(default_factory=dict)
    chosen: ChosenLine | None = None
    no_victim: NoVictimLine | None = None

    def begins_anew(self, event: Event) -> bool:
        """Return whether a line belongs to the next report, because this one has it already."""
        match event:
            case InvokedLine():
                return not (self.is_empty or self._is_only_caller)
            case ConstraintText(is_begin=True):
                return self.constraint_text is not None or self.chosen is not None
            case TaskInLine():
                return self.task_in is not None or self.chosen is not None
            case ChosenLine():
                return self.chosen is not None
            case _:
                return False

    @property
    def is_empty(self) -> bool:
        """Whether no line of a report has come yet."""
        known = (self.invoked, self.constraint_text, self.task_in, self.chosen, self.no_victim)
        return not any((*known, self.usage, self.stats, self.tasks, self.caller, self.machine))

    @property
    def _is_only_caller(self) -> bool:
        known = (self.invoked, self.constraint_text, self.task_in, self.chosen, self.no_victim)
        return not any((*known, self.usage, self.stats, self.tasks))

    def add(self, event: Event) -> None:
        """Add a line."""
        if not isinstance(event, StatsLine):
            self.is_in_stats = False
        match event:
            case ConstraintText():
                self.constraint_text = (self.constraint_text or "") + event.text
            case TaskInLine():
                self.task_in = event
            case UsageLine():
                self.usage.setdefault(event.counter, event)
            case StatsLine():
                self._add_stats(event)
            case InvokedLine():
                self.invoked = event
            case CallerLine():
                self.caller = self.caller or event
            case ChosenLine():
                self.chosen = event
            case NoVictimLine():
                self.no_victim = event
            case _:
                self._add_list(event)

    def _add_list(self, event: Event) -> None:
        match event:
            case TaskListHead():
                self.tasks = TaskList(event.columns)
            case TaskRow() if self.tasks is not None:
                self.tasks.add(event)
            case MachineLine():
                self.machine = {**event.numbers, **self.machine}
            case _:
                pass

    def _add_stats(self, event: StatsLine) -> None:
        """Keep the first cgroup's; those of cgroups below it may follow (before 5.0)."""
        if self.stats and event.path is not None:
            return
        self.is_in_stats = True
        if len(self.stats) < MAX_STATS:
            self.stats = {**event.sizes, **self.stats}

    def wants_piece(self) -> bool:
        """Return whether the `oom-kill:` line still lacks its end."""
        text = self.constraint_text
        return text is not None and not constraint_line.is_whole(text)

    def kill(self, line: int, origin: Origin, victim: VictimLine) -> TextKill:
        """Return the kill of a victim, with what the report says about it."""
        facts = self._facts(victim)
        tasks = self._ranking(victim)
        return TextKill(
            line=line,
            origin=origin,
            victim=victim,
            constraint=facts,
            task_in=self.task_in,
            chosen=self.chosen,
            usage=self.usage,
            stats=self.stats,
            invoked=self.invoked,
            caller=self.caller,
            tasks=tasks,
            machine=self.machine,
        )

    def named_victim(self) -> tuple[VictimLine, ConstraintFacts | None] | None:
        """Return the victim that another line names, if its own line is missing."""
        facts = constraint_facts(self.constraint_text) if self.constraint_text else None
        if facts is not None and facts.pid is not None:
            return VictimLine(facts.pid, facts.comm or "", facts.of, facts.uid), facts
        if self.chosen is not None:
            return VictimLine(self.chosen.pid, self.chosen.comm, self.chosen.of), facts
        return None

    def without_victim(self) -> WithoutVictim | None:
        """Return that the report names no victim; None if it says nothing of a kill."""
        known = (self.invoked, self.task_in, self.constraint_text, self.no_victim)
        if not any(known):
            return None
        reason = "the line that names the victim is missing in this log"
        if self.no_victim is not None:
            reason = self.no_victim.reason
        elif self.invoked is not None and self.invoked.order == -1:
            reason = "somebody asked for it by SysRq, and the line that names the victim is missing"
        limit_of = self.task_in.limit_of if self.task_in else None
        return WithoutVictim(self.line, self.origin, reason, self.invoked, limit_of)

    def _facts(self, victim: VictimLine) -> ConstraintFacts | None:
        if self.constraint_text is None:
            return None
        facts = constraint_facts(self.constraint_text, victim.comm)
        strange = facts.pid not in {None, victim.pid} and facts.comm not in {None, victim.comm}
        return None if strange else facts

    def _ranking(self, victim: VictimLine) -> TaskRanking | None:
        if self.tasks is None or not self.tasks.count:
            return None
        size = victim.sizes.get("total-vm")
        of_cgroup = victim.of == "cgroup" or "memory" in self.usage
        total = self._cgroup_total() if of_cgroup else self._machine_total()
        known = None if victim.pid is None else (victim.pid, size or 0)
        return self.tasks.ranking(total, known)

    def _cgroup_total(self) -> int | None:
        """Return memory and swap that the cgroup may use (mm/memcontrol.c, mem_cgroup_get_max)."""
        memory = self.usage.get("memory")
        if memory is None or memory.limit >= NO_LIMIT_KB:
            return None
        both, swap = self.usage.get("memory+swap"), self.usage.get("swap")
        if both is not None and both.limit < NO_LIMIT_KB:
            return both.limit
        return memory.limit + (swap.limit if swap and swap.limit < NO_LIMIT_KB else 0)

    def _machine_total(self) -> int | None:
        if "ram_pages" not in self.machine:
            return None
        pages = self.machine["ram_pages"] - self.machine.get("reserved_pages", 0)
        return pages * _PAGE_KB + self.machine.get("swap_kb", 0)
