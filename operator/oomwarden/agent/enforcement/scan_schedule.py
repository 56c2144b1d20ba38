"""When a container is scanned again: soon after a change, then ever later, within a budget."""

import math
import random

from msgspec import Struct

from oomwarden.agent.runtime.ticks import WITH_SCANS, next_tick

FIRST_GAP_SECONDS = 0.1
"""A new process of `runc exec` has the runtime's score soon after its start."""
GAP_FACTOR = 4
"""How much longer each gap is than the one before it, while a scan finds nothing new."""
GRID_SECONDS, HURRIED_GRID_SECONDS = 1.0, 0.1
"""Scans are done together, urgent ones, too: a wake-up costs more than a scan."""
FULL_SCAN_EVERY = 12
MAX_RULES_SECONDS = 2.0
"""With rules for processes every scan reads every command line, because servers name their workers
after the fork. Some 40 us a process: 300 of them take 0.6 % of a core."""
RULES_HURRIED_SECONDS = 0.5
"""A server that opens and closes connections all the time changes at every scan."""
HURRIED_SCANS = 5
SETTLED_SECONDS = 1.0
"""A fork takes its parent's score at its beginning and is listed at its end, after all memory was
copied (Linux kernel/fork.c, copy_process: copy_signal, copy_mm, cgroup_post_fork)."""
SCAN_SHARE = 10
"""Over time a container's scans take no more than this part of a processor, and those of all that
are scanned again and again no more together: one that forks all the time slows only its own."""
SCAN_BURST_SECONDS = 0.1
"""Processor time of scans that is not held back: some fifty of a container's."""
HELD_BACK_SECONDS = 0.5
"""Where processes wait for the node's cap. All containers are scanned at the same time, and those
that got nothing come first: one that changes all the time leaves something to the others."""


class ScanSchedule(Struct, eq=False):
    """The times of one container's scans. Every time is event-loop time in seconds.

    Attributes:
        due: When the next scan is due; infinity: none is planned.
        is_hurried: Whether the last scan found something new, so that the next one comes soon.
    """

    due: float = math.inf
    is_hurried: bool = True
    _unpaid: float = 0.0  # processor time that is not worked off yet
    _unpaid_at: float = 0.0
    _not_before: float = -math.inf
    _gap: float = FIRST_GAP_SECONDS
    _changed_at: float = -math.inf
    _scans: int = 0

    def stop(self) -> None:
        """Plan no scan until the next target."""
        self.due = math.inf

    def restart(self, now: float) -> None:
        """Scan now for a new target, unless earlier scans cost too much, and again soon."""
        self.due = max(now, self._not_before)
        self._gap, self._scans, self.is_hurried = FIRST_GAP_SECONDS, 0, True

    def requeue_soon(self) -> None:
        """Scan again soon, whatever the last scan has found."""
        self.is_hurried = True

    def is_full_scan_next(self) -> bool:
        """Return whether the next scan has to check every process."""
        return self._scans % FULL_SCAN_EVERY == 0

    def is_settled(self, now: float) -> bool:
        """Return whether a fork that began before the last change must be listed by now."""
        return now - self._changed_at >= SETTLED_SECONDS

    def record_scan(self, now: float, *, changed: bool, found_new: bool) -> None:
        """Note a scan that ended now.

        Args:
            now: The time at which it ended.
            changed: Whether it wrote a score.
            found_new: Whether it found something that makes another scan urgent.
        """
        if changed:
            self._changed_at = now
        self._scans += 1
        self.is_hurried = found_new

    def confirm(self, now: float, longest: float) -> bool:
        """Note a look that found everything as it was, and plan the next one.

        Those of all quiet containers are at the same time, in one call of the worker's thread: at
        the ticks of the longest gap.

        Args:
            now: The time at which it ended.
            longest: The longest gap in seconds.

        Returns:
            Whether it has been quiet for so long already; if not, nothing is done.
        """
        if self._gap < longest:
            return False
        self._scans += 1
        self.is_hurried, self.due = False, next_tick(longest, now, WITH_SCANS)
        return True

    def spend(self, seconds: float, now: float, hurried: int) -> None:
        """Charge processor time to the container's share, and hold back what is beyond it.

        Args:
            seconds: Processor time of the last scan.
            now: The time at which it ended.
            hurried: How many containers are scanned soon again, this one among them.
        """
        share = SCAN_SHARE * max(hurried if self.is_hurried else 1, 1)
        worked_off = (now - self._unpaid_at) / share
        self._unpaid, self._unpaid_at = max(self._unpaid - worked_off, 0.0) + seconds, now
        self._not_before = now + max(self._unpaid - SCAN_BURST_SECONDS, 0.0) * share
        self.due = max(self.due, self._not_before)

    def plan_next(self, now: float, longest: float, *, rules: bool, held_back: bool) -> None:
        """Set the time of the next scan: soon after a change, and then ever later.

        Args:
            now: The time at which the last scan ended.
            longest: The longest gap in seconds.
            rules: Whether there are rules for processes.
            held_back: Whether processes wait for the node's cap.
        """
        first = FIRST_GAP_SECONDS
        if rules:
            longest = min(longest, MAX_RULES_SECONDS)
            first = FIRST_GAP_SECONDS if self._scans <= HURRIED_SCANS else RULES_HURRIED_SECONDS
        if held_back:
            self.due = (math.floor(now / HELD_BACK_SECONDS) + 1) * HELD_BACK_SECONDS
            return
        self._gap = first if self.is_hurried else min(self._gap * GAP_FACTOR, longest)
        due = now + self._gap * random.uniform(0.9, 1.0)  # noqa: S311 - jitter
        grid = GRID_SECONDS if self._gap >= GRID_SECONDS else HURRIED_GRID_SECONDS
        self.due = math.ceil(due / grid) * grid
