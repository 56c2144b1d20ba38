"""The oom_score_adj that a process had of its own: saved earlier, or inherited from its parent."""

import time
from collections.abc import Container, Iterable
from contextlib import suppress

from msgspec import Struct, field

from oomwarden.core.enforcement.own_scores import MAX_OWN_SCORES, OwnScore, OwnScores
from oomwarden.core.enforcement.plan import ScorePlan
from oomwarden.kernel.proc.process import Process, ProcessGoneError, ProcRoot


class OwnScoreScan(Struct):
    """The own scores that one scan knows and finds.

    Attributes:
        plan: The plan of the scan, with the scores saved earlier.
        kept: The scores to save after the scan, by PID.
        chosen: Processes with a score that oomwarden never wrote, by PID: they set it themselves.
    """

    plan: ScorePlan
    kept: dict[int, OwnScore] = field(default_factory=dict)
    chosen: dict[int, OwnScore] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kept = dict(self.plan.own)

    def record_chosen(self, proc: ProcRoot, live: Iterable[int], until: float) -> None:
        """Record the processes with a score that oomwarden never wrote.

        Call this before the first write, because forks inherit what is written. A write also
        changes processes that share the memory, as between vfork and exec (Linux fs/proc/base.c,
        __set_oom_adj).

        Args:
            proc: The host's /proc.
            live: PIDs of the container.
            until: Monotonic time at which to stop.
        """
        for pid in live if self.plan.never_assigned else ():
            if time.monotonic() > until:
                break
            with suppress(ProcessGoneError, OSError), proc.open(pid) as process:
                if (score := process.score()) in self.plan.never_assigned:
                    self.chosen[pid] = OwnScore(process.start_time(), score)

    def own_score(self, proc: ProcRoot, process: Process, score: int) -> int | None:
        """Return the score that a process had of its own, None if none is known.

        A fork inherits its parent's score (Linux kernel/fork.c, copy_signal). If oomwarden has
        overridden that score, the parent's own score counts as the child's too: the child would
        have inherited it without oomwarden.
        """
        if not (self.plan.own or self.chosen):
            return None
        start, parent = process.start_time_and_parent()
        chosen = self.chosen.get(process.pid) == OwnScore(start, score)
        known = self.plan.own.get(process.pid)
        if known is not None and known.start == start and not chosen:
            return known.score
        self.forget(process.pid)  # the PID was reused, or the process has changed its score
        inherits = score in self.plan.assigned and not chosen
        own = self._inherited(proc, parent) if inherits else score if chosen else None
        return own if own is not None and self.keep(process.pid, OwnScore(start, own)) else None

    def _inherited(self, proc: ProcRoot, parent: int) -> int | None:
        known = self.plan.own.get(parent)
        if known is None:
            return None
        try:
            with proc.open(parent) as process:
                return known.score if process.start_time_and_parent()[0] == known.start else None
        except ProcessGoneError:
            return None

    def keep(self, pid: int, own: OwnScore) -> bool:
        """Record a score to save. Return False if there are too many already."""
        if pid not in self.kept and len(self.kept) >= MAX_OWN_SCORES:
            return False
        self.kept[pid] = own
        return True

    def is_saved(self, pid: int) -> bool:
        """Return whether the own score of a process was already saved before this scan."""
        return self.plan.own.get(pid) == self.kept.get(pid)

    def scores_to_keep(self, live: Container[int], *, unreached: bool = False) -> OwnScores | None:
        """Return the scores to save, None if own scores play no part in this plan.

        Args:
            live: PIDs of the container. Scores of all other processes are dropped.
            unreached: Whether the container may have more processes; no score is dropped then.
        """
        if not (self.plan.saves_own or self.plan.own or self.kept):
            return None
        return {pid: own for pid, own in self.kept.items() if unreached or pid in live}

    def forget(self, pid: int) -> None:
        """Drop a score that was restored, or that the process has changed itself since."""
        self.kept.pop(pid, None)
