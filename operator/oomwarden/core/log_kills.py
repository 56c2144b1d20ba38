"""From the OOM killer's lines to kills: who was chosen, whose memory ran out, all victims."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from oomwarden.core.cgroup_paths import same_place
from oomwarden.core.kernel_log import Constraint, GroupKill, Killed, LogEvent, Skipped

SAME_KILL_SECONDS = 1.0


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

    @property
    def stamp(self) -> float:
        """Seconds since boot of its last victim; 0 where the log has no stamps."""
        return max((victim.stamp or 0.0 for victim in self.victims), default=0.0)

    @property
    def place(self) -> str | None:
        """The victim's cgroup as the kernel names it, if any line told it."""
        return self.constraint.task_memcg if self.constraint else self.group_path


@dataclass(slots=True)
class LogAssembler:
    """Puts lines together: the kernel prints one kill after another, under oom_lock.

    Lines of other subsystems may stand between them, and a read may end in the middle of a kill.
    """

    _constraint: Constraint | None = None
    _kills: list[LogKill] = field(default_factory=list)
    _open: LogKill | None = None  # with which the last read ended

    def feed(self, events: Iterable[LogEvent]) -> list[LogKill]:
        """Add a read's lines and give the kills that they told.

        A group kill that the read before began comes again, whole: it `continues` what was given
        for it then.
        """
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
        self._constraint = self._open = None

    def _add(self, event: LogEvent) -> None:
        match event:
            case Constraint():
                self._constraint = event
            case Skipped():
                self._constraint = None
            case GroupKill():
                self._mark_group(event)
            case Killed():
                self._add_victim(event)

    def _mark_group(self, group: GroupKill) -> None:
        last = self._kills[-1] if self._kills else None
        if last is None:
            self._kills.append(LogKill((), None, group.path))
        elif last.group_path is None:
            self._kills[-1] = replace(last, group_path=group.path)
        elif len(last.victims) > 1:  # the new one's first victim, without an `oom-kill:` line
            *members, first = last.victims
            self._kills[-1] = replace(last, victims=tuple(members))
            self._kills.append(LogKill((first,), None, group.path))
        elif group.path != last.group_path:
            self._kills.append(LogKill((), None, group.path))

    def _add_victim(self, victim: Killed) -> None:
        constraint, self._constraint = self._constraint, None
        if constraint is not None and not _is_of(constraint, victim):
            constraint = None
        last = self._kills[-1] if self._kills else None
        if last is not None and last.group_path is not None and constraint is None:
            known = any(one.pid == victim.pid for one in last.victims)
            more = last.victims if known else (*last.victims, victim)
            self._kills[-1] = replace(last, victims=more, repeated=last.repeated or known)
            return
        self._kills.append(LogKill((victim,), constraint))


def continues(kill: LogKill, begun: LogKill) -> bool:
    """Whether a kill is one that an earlier read gave the beginning of.

    The earlier read may have taken the next kill's first victim for one more of this one.
    """
    known = min(len(kill.victims), len(begun.victims))
    same = kill.constraint == begun.constraint and begun.group_path in {None, kill.group_path}
    return kill.continues and same and kill.victims[:known] == begun.victims[:known]


def _is_of(constraint: Constraint, victim: Killed) -> bool:
    """Whether these lines are of one kill: `Killed process` may name another thread's id."""
    if constraint.pid == victim.pid or constraint.stamp is None or victim.stamp is None:
        return True
    return victim.stamp - constraint.stamp < SAME_KILL_SECONDS


def kills_in(path: str, kills: list[LogKill]) -> list[LogKill]:
    """Select the kills whose victim lay in the cgroup at `path` or below it."""
    return [kill for kill in kills if kill.place is not None and same_place(kill.place, path)]
