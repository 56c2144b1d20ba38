"""Reads what is new in the kernel log, when it is asked to, at most once a second, in a thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from oomwarden.core.kernel_log.kills import LogAssembler, LogKill, continues
from oomwarden.core.kernel_log.lines import (
    parse_events,
    parse_records,
    unfinished_part,
    unread_part,
)
from oomwarden.core.kernel_log.position import Mark, Position

MIN_GAP_SECONDS = 1.0
KEEP_KILLS = 4096
STAMP_STEP = 1e-6
_TAIL_BYTES = 8192
"""More than others say again and again: without times, a burst of equal lines is like the next."""


@dataclass(frozen=True, slots=True)
class LogState:
    """Whether the log can be used; `remedy` says what to do when not."""

    usable: bool
    reason: str
    remedy: str


ELSEWHERE = LogState(
    usable=False,
    reason="OtherPIDNamespace",
    remedy="this node is itself a container: the kernel log tells of the whole machine, by pids "
    "that mean nothing here, so records have no victims",
)


class KernelLogReader:
    """Keeps the end of the last read and the kills that no record has claimed yet.

    `overruns` counts the reads between which the ring buffer lost lines. `off`: why the log means
    nothing here; it is never read then.
    """

    def __init__(self, read: Callable[[], bytes], off: LogState | None = None) -> None:
        self._read = read
        self._off = off
        self._thread = ThreadPoolExecutor(1, "kernel-log")
        self._tail = b""
        self._read_to = 0
        self._left = False  # the last read left a line that had only begun
        self._assembler = LogAssembler()
        self._kills: list[tuple[float, LogKill]] = []
        self._last = -MIN_GAP_SECONDS
        self._claimed: list[Mark] = []
        self._last_stamp = 0.0  # of the last kill that was read, in seconds since boot
        self.overruns = 0
        self.state = off or LogState(usable=True, reason="NotReadYet", remedy="")

    @property
    def next_allowed(self) -> float:
        """Event-loop time from which on the log may be read again."""
        return self._last + MIN_GAP_SECONDS

    async def begin(self, earlier: Position | None) -> None:
        """Pass over what an earlier agent has told; None: over all that is there."""
        await self.refresh()
        if earlier is None:
            self._kills.clear()
            return
        self._last_stamp = max(self._last_stamp, earlier.to)  # also where nothing could be read
        self._claimed = [mark for mark in earlier.beyond if mark[0] > earlier.to]
        waiting = [(at, kill) for at, kill in self._kills if kill.stamp > earlier.to]
        self._kills = [(at, kill) for at, kill in waiting if _mark(kill) not in self._claimed]

    async def refresh(self) -> None:
        """Read what is new; a log that cannot be read is a state, not an error."""
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        if self._off is not None:
            return
        try:
            buffer = await loop.run_in_executor(self._thread, self._read)
        except OSError as error:
            self.state = _unusable(error)
            return
        fresh, lost = unread_part(self._tail, buffer, self._read_to)
        if lost:
            self.overruns += 1
            self._assembler.lost()
        fresh = self._without_begun(fresh, buffer)
        kills = self._assembler.feed(parse_events(parse_records(fresh)))
        read_at = loop.time()
        self._take(kills, read_at)
        self._last_stamp = max([self._last_stamp, *(kill.stamp for kill in kills)])
        if kills or not (self.state.usable and self.state.reason != "NotReadYet"):
            self.state = _usable(kills)

    def _without_begun(self, fresh: bytes, buffer: bytes) -> bytes:
        """Leave a line that has only begun to the next read, once: its end may never come."""
        begun = unfinished_part(fresh)
        if self._left and len(begun) == len(fresh):
            begun = b""
        self._left = bool(begun)
        self._read_to = len(buffer) - len(begun)
        self._tail = buffer[max(self._read_to - _TAIL_BYTES, 0) : self._read_to]
        return fresh[: len(fresh) - len(begun)]

    def _take(self, kills: list[LogKill], read_at: float) -> None:
        for kill in kills:
            last = self._kills[-1][1] if self._kills else None
            if not kill.continues:
                self._kills.append((read_at, kill))
            elif last is not None and continues(kill, last):
                self._kills[-1] = (read_at, kill)
        del self._kills[:-KEEP_KILLS]

    @property
    def position(self) -> Position:
        """Give from where another agent has to read on."""
        waiting = [kill.stamp for _, kill in self._kills]
        to = min(waiting) - STAMP_STEP if waiting else self._last_stamp
        self._claimed = [mark for mark in self._claimed if mark[0] > to]
        return Position(to, tuple(self._claimed))

    def unclaimed(self) -> tuple[LogKill, ...]:
        """Give the kills that no record tells yet, the oldest first."""
        return tuple(kill for _, kill in self._kills)

    def claim(self, claimed: list[LogKill]) -> None:
        """Take out what a record tells now."""
        gone = {id(kill) for kill in claimed}
        self._claimed += [_mark(kill) for kill in claimed]
        self._kills = [(at, kill) for at, kill in self._kills if id(kill) not in gone]

    def keep(self, untold: list[LogKill]) -> None:
        """Take out all but these."""
        kept = {id(kill) for kill in untold}
        self._kills = [(at, kill) for at, kill in self._kills if id(kill) in kept]

    def balanced(self, read_from: float) -> None:
        """Drop what was read before this event-loop time: counters read since then owe nothing.

        So those kills are told, or lay outside of all pods: what stayed could be taken for
        another kill later on. That holds for lines that this agent could not read, too. Stamps and
        this clock both count from the boot (Linux kernel/printk/printk.c, local_clock), and may
        drift apart.
        """
        if not self.state.usable and self._off is None:
            self._last_stamp = max(self._last_stamp, read_from)
        self._kills = [(at, kill) for at, kill in self._kills if at >= read_from]


def _mark(kill: LogKill) -> Mark:
    return kill.stamp, kill.victims[0].pid if kill.victims else 0


def _usable(kills: list[LogKill]) -> LogState:
    if any(victim.stamp is None for kill in kills for victim in kill.victims):
        remedy = "set the kernel parameter printk.time=1: without it a restart of the agent "
        remedy += "cannot tell old lines from new ones"
        return LogState(usable=True, reason="NoTimeStamps", remedy=remedy)
    return LogState(usable=True, reason="Readable", remedy="")


def _unusable(error: OSError) -> LogState:
    if isinstance(error, PermissionError):
        remedy = "records have no victims: grant the agent the capability SYSLOG, or set sysctl "
        remedy += "kernel.dmesg_restrict=0"
        return LogState(usable=False, reason="NotPermitted", remedy=remedy)
    return LogState(usable=False, reason="Unreadable", remedy=f"syslog(2) answered: {error}")
