"""Count a kill once that a log has several times, as from the console and from syslog."""

import re
from collections import OrderedDict, deque
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.core.log_text.kill import TextKill
from oomwarden.core.log_text.lines.prefix import Origin

MAX_KEPT = 10_000
"""Kills that are compared with later ones."""
MAX_WITH_TASKS = 1000
"""Kills that keep the tasks that the kernel would have killed next; earlier ones do not."""
_SAME_SECONDS = 1.0
_SAME_WALL_SECONDS = 10.0
_CLOCK = re.compile(r"(.*?)(\d\d):(\d\d):(\d\d)")
_MERGED = ("constraint", "task_in", "group", "chosen", "invoked", "caller", "tasks", "reaped")
_COLLECTED = ("usage", "stats", "machine", "losses", "sharing", "members")


class Kept(Struct):
    """Keeps the last kills, each once."""

    kills: deque[TextKill] = field(default_factory=deque)
    dropped: int = 0
    """Kills that are no longer kept."""
    _by_victim: OrderedDict[tuple[int | None, str], list[TextKill]] = field(
        default_factory=OrderedDict
    )

    def add(self, kill: TextKill) -> TextKill | None:
        """Keep a kill; return it, or None if the log has had it before."""
        key = (kill.victim.pid, kill.victim.comm)
        same = next((each for each in self._by_victim.get(key, ()) if is_same(each, kill)), None)
        if same is not None:
            merge(same, kill)
            return None
        self.kills.append(kill)
        if len(self.kills) > MAX_WITH_TASKS:
            _shorten(self.kills[-MAX_WITH_TASKS - 1])
        self._by_victim.setdefault(key, []).append(kill)
        if len(self.kills) > MAX_KEPT:
            self._forget(self.kills.popleft())
        return kill

    def _forget(self, kill: TextKill) -> None:
        self.dropped += 1
        key = (kill.victim.pid, kill.victim.comm)
        left = [each for each in self._by_victim.get(key, ()) if each is not kill]
        if left:
            self._by_victim[key] = left
        else:
            self._by_victim.pop(key, None)


def _shorten(kill: TextKill) -> None:
    """Keep only the victim of a list of tasks."""
    if kill.tasks is not None:
        top = tuple(each for each in kill.tasks.top if each.pid == kill.victim.pid)
        kill.tasks = replace(kill.tasks, top=top)


def is_same(first: TextKill, other: TextKill) -> bool:
    """Return whether two kills of one pid and comm are certainly the same one."""
    hosts = {each.origin.host.partition(".")[0] for each in (first, other) if each.origin.host}
    if len(hosts) > 1:
        return False
    near = _are_near(first.origin, other.origin)
    if near is not None:
        return near
    mine, theirs = first.victim, other.victim
    if first.is_named_only or other.is_named_only:
        return first.line == other.line
    return (mine.sizes, mine.oom_score_adj) == (theirs.sizes, theirs.oom_score_adj)


def merge(first: TextKill, other: TextKill) -> None:
    """Add what only the second copy says to the first one."""
    first.copies += other.copies
    if first.is_named_only and not other.is_named_only:
        first.victim, first.is_named_only = other.victim, False
    first.origin = first.origin.or_else(other.origin)
    if len(other.victim.sizes) > len(first.victim.sizes):
        first.victim = replace(other.victim, of=other.victim.of or first.victim.of)
    for name in _MERGED:
        if getattr(first, name) is None:
            setattr(first, name, getattr(other, name))
    for name in _COLLECTED:
        if not getattr(first, name):
            setattr(first, name, getattr(other, name))


def _are_near(first: Origin, other: Origin) -> bool | None:
    """Return whether two times are near each other; None if they cannot be compared."""
    if first.stamp is not None and other.stamp is not None:
        return abs(first.stamp - other.stamp) <= _SAME_SECONDS
    seconds = _between(first, other)
    return None if seconds is None else abs(seconds) <= _SAME_WALL_SECONDS


def _between(first: Origin, other: Origin) -> float | None:
    times = [_time(each.at) for each in (first, other)]
    if times[0] is not None and times[1] is not None:
        if (times[0].tzinfo is None) != (times[1].tzinfo is None):
            return None
        return (times[0] - times[1]).total_seconds()
    clocks = [_CLOCK.match(each.printed or "") for each in (first, other)]
    if clocks[0] is None or clocks[1] is None or first.at or other.at:
        return None
    if clocks[0][1].split() != clocks[1][1].split():
        return _SAME_WALL_SECONDS * 2
    return float(_seconds(clocks[0]) - _seconds(clocks[1]))


def _seconds(clock: re.Match[str]) -> int:
    return (int(clock[2]) * 60 + int(clock[3])) * 60 + int(clock[4])


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    fraction = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        return datetime.fromisoformat(fraction)
    except ValueError:
        return None
