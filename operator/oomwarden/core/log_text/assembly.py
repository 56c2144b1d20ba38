"""From messages to kills: one machine's OOM reports, in the order of the kernel."""

from collections import deque
from collections.abc import Iterator

from msgspec import Struct, field

from oomwarden.core.log_text.kill import MAX_MEMBERS, TextKill, WithoutVictim
from oomwarden.core.log_text.lines.prefix import Origin
from oomwarden.core.log_text.messages.events import (
    Event,
    GroupLine,
    LossLine,
    NoVictimLine,
    ReapedLine,
    SharingLine,
    VictimLine,
)
from oomwarden.core.log_text.report import CONTEXT, OomReport

MAX_RECENT = 32
"""Kills that later lines may still add to: oom_reaper comes two seconds later."""
_MAX_LOSSES = 16
_LOSS_LINES = 1000
"""A loss of messages is reported with a kill that follows within this many lines."""
_GROUP_SECONDS = 1.0
_STALE_SECONDS = 60.0
Outcome = TextKill | WithoutVictim


class MachineLog(Struct):
    """Assembles the kills of one machine."""

    _report: OomReport | None = None
    _recent: deque[TextKill] = field(default_factory=deque)
    _group_of: TextKill | None = None
    _member: tuple[int, Origin, VictimLine] | None = None  # the last member of the group
    _losses: deque[tuple[int, LossLine]] = field(default_factory=lambda: deque(maxlen=_MAX_LOSSES))
    _done: list[Outcome] = field(default_factory=list)

    @property
    def report(self) -> OomReport | None:
        """The report that is open."""
        return self._report

    def feed(self, line: int, origin: Origin, event: Event) -> Iterator[Outcome]:
        """Add a message, and yield what is complete."""
        self._drop_stale(origin)
        match event:
            case VictimLine():
                self._add_victim(line, origin, event)
            case GroupLine():
                self._begin_group(event)
            case ReapedLine():
                self._add_reaped(event)
            case SharingLine():
                self._last_gets(event.pid)
            case NoVictimLine(pid=int()):
                self._skip(line, origin, event)
            case LossLine():
                self._losses.append((line, event))
            case _ if isinstance(event, CONTEXT):
                self._add_context(line, origin, event)
        yield from self._ready()

    def finish(self) -> Iterator[Outcome]:
        """Yield what is left at the end of the log."""
        self._close_report()
        self._done += self._recent
        self._recent.clear()
        yield from self._ready()

    def _ready(self) -> list[Outcome]:
        while len(self._recent) > MAX_RECENT:
            self._done.append(self._recent.popleft())
        done, self._done = self._done, []
        return done

    def _add_context(self, line: int, origin: Origin, event: Event) -> None:
        if self._report is not None and self._report.begins_anew(event):
            self._close_report()
        if self._report is None:
            self._report = OomReport(line, origin)
        self._report.add(event)
        if self._report.chosen or self._report.invoked or self._report.constraint_text:
            self._group_of = None

    def _close_report(self) -> None:
        """End a report whose victim has no line of its own."""
        report, self._report = self._report, None
        if report is None:
            return
        named = report.named_victim()
        if named is None or report.no_victim is not None:
            unnamed = report.without_victim()
            self._done += [unnamed] if unnamed else []
            return
        kill = report.kill(report.line, report.origin, named[0])
        kill.is_named_only = True
        self._append(kill)

    def _add_victim(self, line: int, origin: Origin, victim: VictimLine) -> None:
        if self._report is None and self._is_member(origin, victim):
            self._add_member(line, origin, victim)
            return
        report, self._report = self._report, None
        kill = (report or OomReport(line, origin)).kill(line, origin, victim)
        self._append(kill)
        self._group_of = self._member = None

    def _append(self, kill: TextKill) -> None:
        kill.losses = [loss for at, loss in self._losses if kill.line - at <= _LOSS_LINES]
        self._losses.clear()
        self._recent.append(kill)

    def _is_member(self, origin: Origin, victim: VictimLine) -> bool:
        first = self._group_of
        if first is None or victim.of not in {None, first.victim.of}:
            return False
        before = self._member[1] if self._member else first.origin
        if origin.stamp is None or before.stamp is None:
            return True
        return abs(origin.stamp - before.stamp) <= _GROUP_SECONDS

    def _add_member(self, line: int, origin: Origin, victim: VictimLine) -> None:
        first = self._group_of
        if first is None:
            return
        self._member = (line, origin, victim)
        known = {first.victim.pid, *(each.pid for each in first.members[-MAX_MEMBERS:])}
        if victim.pid in known:
            return
        if len(first.members) < MAX_MEMBERS:
            first.members.append(victim)
        else:
            first.more_members += 1

    def _begin_group(self, event: GroupLine) -> None:
        """The line follows the first victim. If that looked like a member, it begins a new kill."""
        if self._group_of is not None and self._member is not None:
            self._detach(*self._member)
        self._member = None
        first = self._recent[-1] if self._recent else None
        if first is None or first.group is not None:
            return
        first.group = event.path
        self._group_of = first

    def _detach(self, line: int, origin: Origin, victim: VictimLine) -> None:
        before = self._group_of
        if before is not None and before.members and before.members[-1] is victim:
            before.members.pop()
        self._append(OomReport(line, origin).kill(line, origin, victim))

    def _add_reaped(self, event: ReapedLine) -> None:
        for kill in reversed(self._recent):
            if kill.victim.pid == event.pid:
                kill.reaped = event.is_done
                return

    def _last_gets(self, pid: int) -> None:
        if self._recent and len(self._recent[-1].sharing) < MAX_MEMBERS:
            self._recent[-1].sharing.append(pid)

    def _skip(self, line: int, origin: Origin, event: NoVictimLine) -> None:
        report, self._report = self._report, None
        limit_of = report.without_victim() if report else None
        self._done.append(
            WithoutVictim(line, origin, event.reason, limit_of.invoked if limit_of else None)
        )

    def _drop_stale(self, origin: Origin) -> None:
        report = self._report
        if report is None or origin.stamp is None or report.origin.stamp is None:
            return
        if abs(origin.stamp - report.origin.stamp) > _STALE_SECONDS:
            self._close_report()
