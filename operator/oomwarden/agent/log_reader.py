"""Reads what is new in the kernel log, when it is asked to, at most once a second, in a thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from oomwarden.core.kernel_log import parse_events, parse_records, unread_part
from oomwarden.core.log_kills import LogAssembler, LogKill

MIN_GAP_SECONDS = 1.0
KEEP_SECONDS = 60.0
STAMP_STEP = 1e-6
_TAIL_BYTES = 512


@dataclass(frozen=True, slots=True)
class LogState:
    """Whether the log can be used; `remedy` says what to do when not."""

    usable: bool
    reason: str
    remedy: str


class LogReader:
    """Keeps the end of the last read and the kills that no record has claimed yet."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(1, "kernel-log")
        self._tail = b""
        self._assembler = LogAssembler()
        self._kills: list[tuple[float, LogKill]] = []
        self._last = -MIN_GAP_SECONDS
        self._last_stamp = 0.0  # of the last kill that was read, in seconds since boot
        self.state = LogState(usable=True, reason="NotReadYet", remedy="")

    @property
    def next_allowed(self) -> float:
        """Event-loop time from which on the log may be read again."""
        return self._last + MIN_GAP_SECONDS

    async def begin(self, after: float | None) -> None:
        """Pass over what an earlier agent has read: up to this stamp; None: all that is there."""
        await self.refresh()
        if after is None:
            self._kills.clear()
        self._kills = [(at, kill) for at, kill in self._kills if kill.stamp > (after or 0)]

    async def refresh(self) -> None:
        """Read what is new; a log that cannot be read is a state, not an error."""
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        try:
            buffer = await loop.run_in_executor(self._thread, self._read)
        except OSError as error:
            self.state = _unusable(error)
            return
        fresh, _ = unread_part(self._tail, buffer)
        self._tail = buffer[-_TAIL_BYTES:]
        kills = self._assembler.feed(parse_events(parse_records(fresh)))
        self._kills = [(at, kill) for at, kill in self._kills if at > self._last - KEEP_SECONDS]
        self._kills += [(self._last, kill) for kill in kills]
        self._last_stamp = max([self._last_stamp, *(kill.stamp for kill in kills)])
        self.state = LogState(usable=True, reason="Readable", remedy="")

    @property
    def told_to(self) -> float:
        """Give the stamp, in seconds since boot, up to which no kill waits for its record."""
        waiting = [kill.stamp for _, kill in self._kills]
        return min(waiting) - STAMP_STEP if waiting else self._last_stamp

    def unclaimed(self) -> tuple[LogKill, ...]:
        """Give the kills of the last minute that no record tells yet."""
        return tuple(kill for _, kill in self._kills)

    def claim(self, claimed: list[LogKill]) -> None:
        """Take out what a record tells now."""
        gone = {id(kill) for kill in claimed}
        self._kills = [(at, kill) for at, kill in self._kills if id(kill) not in gone]


def _unusable(error: OSError) -> LogState:
    if isinstance(error, PermissionError):
        remedy = "grant the agent the capability SYSLOG, or set sysctl kernel.dmesg_restrict=0"
        return LogState(usable=False, reason="NotPermitted", remedy=remedy)
    return LogState(usable=False, reason="Unreadable", remedy=f"syslog(2) answered: {error}")
