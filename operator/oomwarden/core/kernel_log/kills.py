"""From the OOM killer's lines to kills: who was chosen, whose memory ran out, all victims."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from oomwarden.core.kernel_log.constraint_lines import resolved
from oomwarden.core.kernel_log.lines import (
    Constraint,
    GroupKill,
    Killed,
    LogEvent,
    Skipped,
    UnreadableLine,
)
from oomwarden.core.kernel_log.records import SOON_SECONDS
from oomwarden.core.parse.cgroup_paths import same_place

SAME_KILL_SECONDS = 1.0
MAX_BEGUN = 16
"""Lines whose victim is yet to be named: one by one CPU at most, as oom_lock has it."""


@dataclass(frozen=True, slots=True)
class LogKill:
    """One decision of the OOM killer as the log tells it; victims told apart by pid.

    `task_memcg` is None when the rate limit dropped the line that names it. `oom_memcg` is None
    when the machine ran out; it means something only when `constraint` is set. `continues`: takes
    the place of the kill that the read before ended with. `repeated`: its first victim was counted,
    and printed, twice.
    """

    victims: tuple[Killed, ...]
    constraint: Constraint | None = None
    group_path: str | None = None
    continues: bool = False
    repeated: bool = False
    caller: bytes | None = None

    @property
    def stamp(self) -> float:
        """Seconds since boot of its last victim; 0 where the log has no stamps."""
        return max((victim.stamp or 0.0 for victim in self.victims), default=0.0)

    @property
    def place(self) -> str | None:
        """The victim's cgroup as the kernel names it, if any line told it."""
        told = self.constraint.task_memcg if self.constraint else None
        group = self.group_path if self.group_path and self.group_path.startswith("/") else None
        return told or group

    @property
    def confines(self) -> str | None:
        """The smallest cgroup that is known to have held the victim."""
        return self.place or (self.constraint.oom_memcg if self.constraint else None)


@dataclass(slots=True)
class LogAssembler:
    """Puts lines together: the kernel prints one kill after another, under oom_lock.

    Lines of other subsystems may stand between them, and a read may end in the middle of a kill.
    """

    _constraints: list[Constraint] = field(default_factory=list)
    _later: list[int] = field(default_factory=list)  # pids whose `Killed process` is yet to come
    _begun: set[bytes | None] = field(default_factory=set)  # by whom, and no victim yet
    _skipped: dict[bytes | None, Constraint | None] = field(default_factory=dict)  # the last one
    _kills: list[LogKill] = field(default_factory=list)
    _open: LogKill | None = None  # with which the last read ended

    def feed(self, events: Iterable[LogEvent]) -> list[LogKill]:
        """Add a read's lines and give the kills that they told.

        A group kill that the read before began comes again, whole: it `continues` what was given
        for it then.
        """
        events = list(events)
        self._later = [event.pid for event in events if isinstance(event, Killed)]
        self._kills = [self._open] if self._open else []
        before = self._open
        for event in events:
            self._add(event)
        kills, self._kills = self._kills, []
        last = kills[-1] if kills else None
        self._open = replace(last, continues=True) if last else None
        return [kill for kill in kills if kill is not before]

    def lost(self) -> None:
        """Forget what was begun: lines were lost, and the next ones belong to another kill."""
        self._constraints, self._open = [], None
        self._begun, self._skipped = set(), {}

    def _add(self, event: LogEvent) -> None:
        match event:
            case Constraint() | UnreadableLine():
                self._begin(event)
            case Skipped():
                self._skip(event)
            case GroupKill():
                if event.caller not in self._begun:  # no victim yet: a process is called so
                    self._mark_group(event)
            case Killed():
                self._later.remove(event.pid)
                self._add_victim(event)
                self._begun.discard(event.caller)
                self._skipped.pop(event.caller, None)

    def _begin(self, told: Constraint | UnreadableLine) -> None:
        self._begun.add(told.caller)
        self._skipped.pop(told.caller, None)
        if isinstance(told, Constraint):
            self._constraints = [*self._constraints[-MAX_BEGUN:], told]

    def _skip(self, victim: Skipped) -> None:
        """Drop the line of a victim that was not killed; the others of its group may be."""
        own = [told for told in self._constraints if not _is_another_callers(told, victim)]
        self._constraints = [told for told in self._constraints if told not in own]
        known = [told for told in own if told.pid == victim.pid and not told.ways]
        self._skipped[victim.caller] = known[-1] if known else None
        self._begun.discard(victim.caller)

    def _mark_group(self, group: GroupKill) -> None:
        at = self._last(group.caller)
        last = self._kills[at] if at is not None else None
        if at is None or last is None or group.caller in self._skipped:
            told = self._skipped.pop(group.caller, None)
            self._kills.append(LogKill((), told, group.path, caller=group.caller))
        elif last.group_path is None and _may_be_in(last, group.path):
            self._kills[at] = replace(last, group_path=group.path)
        elif _began_with_last(group, last):  # without an `oom-kill:` line
            *members, first = last.victims
            self._kills[at] = replace(last, victims=tuple(members))
            self._kills.append(LogKill((first,), None, group.path, caller=group.caller))
        elif group.path != last.group_path:
            self._kills.append(LogKill((), None, group.path, caller=group.caller))

    def _last(self, caller: bytes | None) -> int | None:
        """Find the newest kill that a caller printed; without callers it is the newest."""
        for at in range(len(self._kills) - 1, -1, -1):
            if caller is None or self._kills[at].caller in {caller, None}:
                return at
        return None

    def _add_victim(self, victim: Killed) -> None:
        constraint = self._constraint_of(victim)
        at = self._last(victim.caller)
        last = self._kills[at] if at is not None else None
        begun = constraint is not None or victim.caller in self._begun
        if at is not None and last and not begun and _may_be_of(victim, last):
            known = any(one.pid == victim.pid for one in last.victims)
            more = last.victims if known else (*last.victims, victim)
            self._kills[at] = replace(last, victims=more, repeated=last.repeated or known)
            return
        self._kills.append(LogKill((victim,), constraint, caller=victim.caller))

    def _constraint_of(self, victim: Killed) -> Constraint | None:
        """Take the `oom-kill:` line of a victim, and drop those whose victim cannot come any more.

        A line waits only for a `Killed process` of its pid, or of its caller.
        """
        known = [told for told in self._constraints if told.pid == victim.pid]
        told = known[-1] if known else self._of_another_thread(victim)
        self._constraints = [
            one
            for one in self._constraints
            if one is not told and (one.pid in self._later or _is_another_callers(one, victim))
        ]
        if told is None or not _is_of(told, victim):
            return None
        if told.pid == victim.pid:
            return resolved(told, victim.comm)
        return None if told.ways else told

    def _of_another_thread(self, victim: Killed) -> Constraint | None:
        """Find the line that names another thread of the victim, or of which the end is lost."""
        fitting = [
            told
            for told in self._constraints
            if told.pid not in self._later and not _is_another_callers(told, victim)
        ]
        return fitting[0] if len(fitting) == 1 else None


def _is_another_callers(told: Constraint, event: Killed | Skipped) -> bool:
    """Whether a line is of a report that this one says nothing about."""
    return event.caller is not None and told.caller not in {None, event.caller}


def _may_be_in(kill: LogKill, path: str) -> bool:
    """Whether a kill's victim may lie in a cgroup: the kernel takes one that holds it."""
    place = kill.constraint.task_memcg if kill.constraint else None
    known = place is not None and path.startswith("/")
    return not known or f"{place}/".startswith(f"{path.rstrip('/')}/")


def _began_with_last(group: GroupKill, kill: LogKill) -> bool:
    """Whether the last victim of a group kill is the first one of the next."""
    alone = len(kill.victims) == 1 and not kill.repeated and kill.group_path != group.path
    return kill.group_path is not None and (alone or len(kill.victims) > 1)


def _may_be_of(victim: Killed, kill: LogKill) -> bool:
    """Whether a victim may be one more of a group kill: they are killed one after another."""
    if kill.group_path is None or not kill.victims:
        return kill.group_path is not None
    soon = victim.stamp is None or victim.stamp - kill.stamp < SOON_SECONDS
    return soon and victim.of_cgroup == kill.victims[-1].of_cgroup


def continues(kill: LogKill, begun: LogKill) -> bool:
    """Whether a kill is one that an earlier read gave the beginning of.

    The earlier read may have taken the next kill's first victim for one more of this one.
    """
    known = min(len(kill.victims), len(begun.victims))
    same = kill.constraint == begun.constraint and begun.group_path in {None, kill.group_path}
    return kill.continues and same and kill.victims[:known] == begun.victims[:known]


def _is_of(constraint: Constraint, victim: Killed) -> bool:
    """Whether these lines are of one kill: `Killed process` may name another thread's id."""
    same = constraint.pid == victim.pid
    of_cgroup = constraint.oom_memcg is not None
    if not same and not constraint.ways and of_cgroup != victim.of_cgroup:
        return False
    if constraint.stamp is None or victim.stamp is None:
        return True
    return victim.stamp - constraint.stamp < (SOON_SECONDS if same else SAME_KILL_SECONDS)


def kills_in(path: str, kills: list[LogKill]) -> list[LogKill]:
    """Select the kills whose victim lay in the cgroup at `path` or below it."""
    return [kill for kill in kills if kill.confines and same_place(kill.confines, path)]
