"""From the OOM killer's lines to kills: who was chosen, whose memory ran out, all victims."""

from dataclasses import dataclass, field, replace

from oomwarden.core.cgroup_paths import same_place
from oomwarden.core.kernel_log import Constraint, GroupKill, Killed, LogEvent


@dataclass(frozen=True, slots=True)
class LogKill:
    """One decision of the OOM killer as the log tells it; victims told apart by pid.

    `task_memcg` is None when the rate limit dropped the line that names it. `oom_memcg` is None
    when the machine ran out; it means something only when `constraint` is set.
    """

    victims: tuple[Killed, ...]
    constraint: Constraint | None = None
    group_path: str | None = None

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
    """Puts lines together: the kernel prints one kill after another, under oom_lock."""

    _constraint: Constraint | None = None
    _kills: list[LogKill] = field(default_factory=list)

    def feed(self, events: list[LogEvent]) -> list[LogKill]:
        """Add a read's lines and give the kills that they told.

        A group kill whose lines are split over two reads becomes two kills of the same group
        path; the ledger's counters say that it was one.
        """
        for event in events:
            self._add(event)
        kills, self._kills = self._kills, []
        return kills

    def _add(self, event: LogEvent) -> None:
        if isinstance(event, Constraint):
            self._constraint = event
        elif isinstance(event, GroupKill):
            self._mark_group(event)
        else:
            self._add_victim(event)

    def _mark_group(self, group: GroupKill) -> None:
        last = self._kills[-1] if self._kills else None
        if last is None:
            self._kills.append(LogKill((), None, group.path))
        elif last.group_path is None:
            self._kills[-1] = replace(last, group_path=group.path)
        else:  # its first victim came without an `oom-kill:` line and was taken for a member
            *members, first = last.victims
            self._kills[-1] = replace(last, victims=tuple(members))
            self._kills.append(LogKill((first,), None, group.path))

    def _add_victim(self, victim: Killed) -> None:
        constraint, self._constraint = self._constraint, None
        last = self._kills[-1] if self._kills else None
        if last is not None and last.group_path is not None and constraint is None:
            if all(known.pid != victim.pid for known in last.victims):
                self._kills[-1] = replace(last, victims=(*last.victims, victim))
            return
        self._kills.append(LogKill((victim,), constraint))


def kills_in(path: str, kills: list[LogKill]) -> list[LogKill]:
    """Select the kills whose victim lay in the cgroup at `path` or below it."""
    return [kill for kill in kills if kill.place is not None and same_place(kill.place, path)]
