"""From the OOM killer's lines to kills: the victims, and whose memory ran out."""

from collections.abc import Iterable

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.core.kernel_log.constraint_lines import resolve
from oomwarden.core.kernel_log.lines import (
    Constraint,
    GroupKill,
    Killed,
    LogEvent,
    Skipped,
    UnreadableLine,
)
from oomwarden.core.kernel_log.records import SOON_SECONDS
from oomwarden.core.parse.cgroup_paths import is_same_or_below

SAME_KILL_SECONDS = 1.0
MAX_BEGUN = 16
"""At most this many lines wait for their victim; under oom_lock, each CPU prints one at most."""


class LogKill(Struct, frozen=True):
    """One decision of the OOM killer, as the log shows it.

    Attributes:
        victims: Each victim once, by pid.
        constraint: The `oom-kill:` line; None if the rate limit dropped it.
        group_path: The cgroup that is killed as a group.
        continues: Whether it replaces the kill that the previous read ended with.
        repeated: Whether its first victim was counted, and printed, twice.
    """

    victims: tuple[Killed, ...]
    constraint: Constraint | None = None
    group_path: str | None = None
    continues: bool = False
    repeated: bool = False
    caller: bytes | None = None

    @property
    def stamp(self) -> float:
        """Seconds since boot of its last victim; 0 if the log has no time stamps."""
        return max((victim.stamp or 0.0 for victim in self.victims), default=0.0)

    @property
    def victim_cgroup(self) -> str | None:
        """The victim's cgroup as the kernel prints it; None if no line names it."""
        task = self.constraint.task_memcg if self.constraint else None
        group = self.group_path if self.group_path and self.group_path.startswith("/") else None
        return task or group

    @property
    def enclosing_cgroup(self) -> str | None:
        """The smallest cgroup that is known to contain the victim."""
        return self.victim_cgroup or (self.constraint.oom_memcg if self.constraint else None)


class LogAssembler(Struct):
    """Assembles lines to kills. The kernel prints one kill after another, under oom_lock.

    Lines of other subsystems may be in between, and a read may end in the middle of a kill.
    """

    _constraints: list[Constraint] = field(default_factory=list)
    _later: list[int] = field(default_factory=list)  # pids whose `Killed process` line follows
    _begun: set[bytes | None] = field(default_factory=set)  # callers without a victim yet
    _skipped: dict[bytes | None, Constraint | None] = field(default_factory=dict)  # the last one
    _kills: list[LogKill] = field(default_factory=list)
    _open: LogKill | None = None  # the last kill of the previous read

    def feed(self, events: Iterable[LogEvent]) -> list[LogKill]:
        """Add the lines of a read and return the kills in them.

        A group kill that began in the previous read is returned again, complete: it `continues`
        the kill that was returned then.
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

    def reset(self) -> None:
        """Drop unfinished kills: lines were lost, and the next ones belong to another kill."""
        self._constraints, self._open = [], None
        self._begun, self._skipped = set(), {}

    def _add(self, event: LogEvent) -> None:
        match event:
            case Constraint() | UnreadableLine():
                self._begin(event)
            case Skipped():
                self._skip(event)
            case GroupKill():
                if event.caller not in self._begun:  # no victim yet: a process of that name
                    self._mark_group(event)
            case Killed():
                self._later.remove(event.pid)
                self._add_victim(event)
                self._begun.discard(event.caller)
                self._skipped.pop(event.caller, None)

    def _begin(self, line: Constraint | UnreadableLine) -> None:
        self._begun.add(line.caller)
        self._skipped.pop(line.caller, None)
        if isinstance(line, Constraint):
            self._constraints = [*self._constraints[-MAX_BEGUN:], line]

    def _skip(self, victim: Skipped) -> None:
        """Drop the line of a victim that was not killed; the rest of its group may still be."""
        own = [line for line in self._constraints if not _is_another_callers(line, victim)]
        self._constraints = [line for line in self._constraints if line not in own]
        known = [line for line in own if line.pid == victim.pid and not line.interpretations]
        self._skipped[victim.caller] = known[-1] if known else None
        self._begun.discard(victim.caller)

    def _mark_group(self, group: GroupKill) -> None:
        at = self._last(group.caller)
        last = self._kills[at] if at is not None else None
        if at is None or last is None or group.caller in self._skipped:
            line = self._skipped.pop(group.caller, None)
            self._kills.append(LogKill((), line, group.path, caller=group.caller))
        elif last.group_path is None and _may_be_in(last, group.path):
            self._kills[at] = replace(last, group_path=group.path)
        elif _began_with_last(group, last):  # without an `oom-kill:` line
            *members, first = last.victims
            self._kills[at] = replace(last, victims=tuple(members))
            self._kills.append(LogKill((first,), None, group.path, caller=group.caller))
        elif group.path != last.group_path:
            self._kills.append(LogKill((), None, group.path, caller=group.caller))

    def _last(self, caller: bytes | None) -> int | None:
        """Return the index of the newest kill of a caller; without callers, of the newest kill."""
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
        """Remove and return a victim's `oom-kill:` line; drop lines whose victim cannot follow.

        A line only waits for a `Killed process` line with its pid, or from its caller.
        """
        known = [line for line in self._constraints if line.pid == victim.pid]
        line = known[-1] if known else self._of_another_thread(victim)
        self._constraints = [
            one
            for one in self._constraints
            if one is not line and (one.pid in self._later or _is_another_callers(one, victim))
        ]
        if line is None or not _is_of(line, victim):
            return None
        if line.pid == victim.pid:
            return resolve(line, victim.comm)
        return None if line.interpretations else line

    def _of_another_thread(self, victim: Killed) -> Constraint | None:
        """Return the line that names another thread of the victim, or whose end is lost."""
        fitting = [
            line
            for line in self._constraints
            if line.pid not in self._later and not _is_another_callers(line, victim)
        ]
        return fitting[0] if len(fitting) == 1 else None


def _is_another_callers(line: Constraint, event: Killed | Skipped) -> bool:
    """Return whether a line belongs to another caller's report."""
    return event.caller is not None and line.caller not in {None, event.caller}


def _may_be_in(kill: LogKill, path: str) -> bool:
    """Return whether a kill's victim may be in a cgroup that is killed as a group."""
    place = kill.constraint.task_memcg if kill.constraint else None
    known = place is not None and path.startswith("/")
    return not known or f"{place}/".startswith(f"{path.rstrip('/')}/")


def _began_with_last(group: GroupKill, kill: LogKill) -> bool:
    """Return whether the last victim of a group kill is the first one of the next."""
    alone = len(kill.victims) == 1 and not kill.repeated and kill.group_path != group.path
    return kill.group_path is not None and (alone or len(kill.victims) > 1)


def _may_be_of(victim: Killed, kill: LogKill) -> bool:
    """Return whether a victim may belong to a group kill, whose victims follow each other."""
    if kill.group_path is None or not kill.victims:
        return kill.group_path is not None
    soon = victim.stamp is None or victim.stamp - kill.stamp < SOON_SECONDS
    return soon and victim.of_cgroup == kill.victims[-1].of_cgroup


def continues(kill: LogKill, begun: LogKill) -> bool:
    """Return whether a kill continues one that an earlier read ended with.

    The earlier read may have attributed the next kill's first victim to this one.
    """
    known = min(len(kill.victims), len(begun.victims))
    same = kill.constraint == begun.constraint and begun.group_path in {None, kill.group_path}
    return kill.continues and same and kill.victims[:known] == begun.victims[:known]


def _is_of(constraint: Constraint, victim: Killed) -> bool:
    """Return whether two lines belong to one kill; `Killed process` may name another thread."""
    same = constraint.pid == victim.pid
    of_cgroup = constraint.oom_memcg is not None
    if not same and not constraint.interpretations and of_cgroup != victim.of_cgroup:
        return False
    if constraint.stamp is None or victim.stamp is None:
        return True
    return victim.stamp - constraint.stamp < (SOON_SECONDS if same else SAME_KILL_SECONDS)


def kills_in(path: str, kills: list[LogKill]) -> list[LogKill]:
    """Return the kills whose victim was in the cgroup at `path` or below it."""
    return [
        kill
        for kill in kills
        if kill.enclosing_cgroup and is_same_or_below(kill.enclosing_cgroup, path)
    ]
