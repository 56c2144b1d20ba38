"""Reads new lines of the kernel log in a thread, on demand and at most ten times a second."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from oomwarden.core.kernel_log.kills import LogAssembler, LogKill, continues
from oomwarden.core.kernel_log.lines import (
    parse_events,
    parse_records,
    unfinished_part,
    unread_part,
)
from oomwarden.core.kernel_log.position import KillKey, Position
from oomwarden.core.kernel_log.read_end import is_unique

MIN_GAP_SECONDS = 0.1
"""Pods that come to rest meanwhile share one read. In a burst all but the first wait for it."""
MAX_GAP_SECONDS = 1.0
GAP_FACTOR = 10
"""The gap, as a multiple of what the last read cost: it may copy the whole ring buffer, which may
have 32 MiB (Linux init/Kconfig, LOG_BUF_SHIFT). Up to `MAX_GAP_SECONDS`, the reads of a storm take
no more than a tenth of a processor."""
KEEP_KILLS = 4096
MAX_CLAIMED = 1024
"""Recorded kills that are kept because an older line is not: written with each checkpoint."""
STAMP_STEP = 1e-6
_TAIL_BYTES = 8192
"""The end of the last read, kept to find it in the next one. It is longer than what usually
repeats: without time stamps, one burst of equal lines looks like the next."""


class LogState(Struct, frozen=True):
    """Whether the kernel log can be used."""

    usable: bool
    reason: str
    """The condition's reason, in CamelCase."""
    remedy: str
    """What is missing and what to do; empty if nothing is."""


OTHER_PID_NAMESPACE = LogState(
    usable=False,
    reason="OtherPIDNamespace",
    remedy="this node is itself a container: the kernel log covers the whole machine, with PIDs of "
    "another PID namespace, so records have no victims",
)


class KernelLogReader:
    """Keeps the end of the last read and the kills that no record has claimed yet.

    Attributes:
        overruns: How many reads found that the ring buffer had dropped lines since the last one.
        state: Whether the log can be used.
    """

    def __init__(
        self,
        read: Callable[[bytes], bytes],
        disabled: LogState | None = None,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        """Make a reader.

        Args:
            read: Returns the end of the ring buffer, as syslog(2) does, from before these bytes
                of it; all of it if they are empty or not found.
            disabled: Why the log is of no use on this node; if set, it is never read.
            spent: Returns the processor time of the calling thread, in seconds.
        """
        self._read, self._spent = read, spent
        self._disabled = disabled
        self._thread = ThreadPoolExecutor(1, "kernel-log")
        self._tail = b""
        self._is_unique = False  # the tail: the next read need not begin before it
        self._read_to: int | None = 0  # None: the last read may not have begun at the beginning
        self._left_unfinished = False  # the last read ended within a line
        self._assembler = LogAssembler()
        self._kills: list[tuple[float, LogKill]] = []
        self._last_read, self._gap = -MIN_GAP_SECONDS, MIN_GAP_SECONDS
        self._claimed: list[KillKey] = []
        self._last_stamp = 0.0  # of the last kill that was read, in seconds since boot
        self.overruns = 0
        self.state = disabled or LogState(usable=True, reason="NotReadYet", remedy="")

    @property
    def next_allowed(self) -> float:
        """The event-loop time from which the log may be read again."""
        return self._last_read + self._gap

    async def start_from(self, earlier: Position | None) -> None:
        """Skip the kills that an earlier agent recorded; None skips all kills in the log."""
        await self.refresh()
        if earlier is None:
            self._kills.clear()
            return
        self._last_stamp = max(self._last_stamp, earlier.to)  # also where nothing could be read
        self._claimed = [mark for mark in earlier.beyond if mark[0] > earlier.to]
        waiting = [(at, kill) for at, kill in self._kills if kill.stamp > earlier.to]
        self._kills = [(at, kill) for at, kill in waiting if _mark(kill) not in self._claimed]

    async def refresh(self) -> None:
        """Read new lines; a log that cannot be read changes `state` and raises nothing."""
        self._last_read = time.monotonic()
        if self._disabled is not None:
            return
        try:
            loop = asyncio.get_running_loop()
            buffer = await loop.run_in_executor(self._thread, self._read_timed)
        except OSError as error:
            self.state = _unusable(error)
            return
        fresh, lost = unread_part(self._tail, buffer, None if self._is_unique else self._read_to)
        if lost:
            self.overruns += 1
            self._assembler.reset()
        fresh = self._without_unfinished_line(fresh, buffer)
        kills = self._assembler.feed(parse_events(parse_records(fresh)))
        self._add(kills, time.monotonic())
        self._last_stamp = max([self._last_stamp, *(kill.stamp for kill in kills)])
        if kills or not (self.state.usable and self.state.reason != "NotReadYet"):
            self.state = _usable(kills)

    def _read_timed(self) -> bytes:
        """Read what is new, and set the gap to the next read by what this one costs."""
        began = self._spent()
        try:
            return self._read(self._tail if self._is_unique else b"")
        finally:
            cost = self._spent() - began
            self._gap = min(max(MIN_GAP_SECONDS, GAP_FACTOR * cost), MAX_GAP_SECONDS)

    def _without_unfinished_line(self, fresh: bytes, buffer: bytes) -> bytes:
        """Leave an unfinished last line to the next read, but only once: it may never end."""
        begun = unfinished_part(fresh)
        if self._left_unfinished and len(begun) == len(fresh):
            begun = b""
        self._left_unfinished = bool(begun)
        end = len(buffer) - len(begun)
        self._tail = buffer[max(end - _TAIL_BYTES, 0) : end]
        self._read_to = None if self._is_unique else end
        self._is_unique = is_unique(self._tail)
        return fresh[: len(fresh) - len(begun)]

    def _add(self, kills: list[LogKill], read_at: float) -> None:
        for kill in kills:
            last = self._kills[-1][1] if self._kills else None
            if not kill.continues:
                self._kills.append((read_at, kill))
            elif last is not None and continues(kill, last):
                self._kills[-1] = (read_at, kill)
        del self._kills[:-KEEP_KILLS]

    @property
    def position(self) -> Position:
        """The position from which the next agent has to read."""
        to = self._forget_claimed()
        return Position(to, tuple(self._claimed))

    def unclaimed(self, read_before: float = math.inf) -> tuple[LogKill, ...]:
        """Return the kills that no record has claimed yet, oldest first.

        Args:
            read_before: Only those that were read before this event-loop time.
        """
        return tuple(kill for at, kill in self._kills if at < read_before)

    def claim(self, claimed: list[LogKill]) -> None:
        """Remove kills that are recorded now."""
        gone = {id(kill) for kill in claimed}
        self._claimed += [_mark(kill) for kill in claimed]
        self._kills = [(at, kill) for at, kill in self._kills if id(kill) not in gone]

    def keep_only(self, unrecorded: list[LogKill]) -> None:
        """Remove all kills but these."""
        kept = {id(kill) for kill in unrecorded}
        self._kills = [(at, kill) for at, kill in self._kills if id(kill) in kept]

    def release_before(self, counted_from: float) -> None:
        """Drop the kills that were read before any kill that is unrecorded was counted.

        The kernel prints a kill after it has counted it, so their kills are recorded. Where none is
        unrecorded, `discard_before` applies.

        Args:
            counted_from: Event-loop time.
        """
        self._kills = [(at, kill) for at, kill in self._kills if at >= counted_from]
        while len(self._claimed) > MAX_CLAIMED and self._kills:
            del self._kills[0]
            self._forget_claimed()

    def _forget_claimed(self) -> float:
        """Forget claimed kills that the next agent does not need to know; return the position."""
        waiting = [kill.stamp for _, kill in self._kills]
        to = min(waiting) - STAMP_STEP if waiting else self._last_stamp
        self._claimed = [mark for mark in self._claimed if mark[0] > to]
        return to

    def discard_before(self, read_from: float) -> None:
        """Drop the kills that were read before this event-loop time.

        Call it when counters that were read since then have no unrecorded kills: the dropped kills
        are recorded, or happened outside of all pods, and must not be attributed to a later kill.
        The same is true of lines that this agent could not read, up to the last time it tried: the
        kernel prints a kill shortly after it counts it. Time stamps of the log and the event loop's
        clock both count from boot (Linux kernel/printk/printk.c, local_clock), and may drift apart.
        """
        if not self.state.usable and self._disabled is None:
            self._last_stamp = max(self._last_stamp, read_from, self._last_read)
        self._kills = [(at, kill) for at, kill in self._kills if at >= read_from]


def _mark(kill: LogKill) -> KillKey:
    return kill.stamp, kill.victims[0].pid if kill.victims else 0


def _usable(kills: list[LogKill]) -> LogState:
    if any(victim.stamp is None for kill in kills for victim in kill.victims):
        remedy = "set the kernel parameter printk.time=1: without it, a restarted agent cannot "
        remedy += "distinguish old lines from new ones"
        return LogState(usable=True, reason="NoTimeStamps", remedy=remedy)
    return LogState(usable=True, reason="Readable", remedy="")


def _unusable(error: OSError) -> LogState:
    if isinstance(error, PermissionError):
        remedy = "records have no victims: grant the agent the capability SYSLOG, or set the "
        remedy += "sysctl kernel.dmesg_restrict=0"
        return LogState(usable=False, reason="NotPermitted", remedy=remedy)
    return LogState(usable=False, reason="Unreadable", remedy=f"syslog(2) failed: {error}")
