"""Which score a process had given itself: as it was saved, or as it would have inherited it."""

import time
from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from oomwarden.core.enforcement.own_scores import MOST_OWN_SCORES, OwnScore, OwnScores
from oomwarden.core.enforcement.plan import ScorePlan
from oomwarden.kernel.proc.process import Process, ProcessGoneError, ProcRoot


@dataclass(slots=True)
class OwnScoresOf:
    """What one scan knows and learns; `kept` is what is to be saved after it.

    `chosen` are those that hold a score which no process can have of us.
    """

    order: ScorePlan
    kept: dict[int, OwnScore] = field(default_factory=dict)
    chosen: dict[int, OwnScore] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kept = dict(self.order.own)

    def look(self, proc: ProcRoot, live: Iterable[int], until: float) -> None:
        """Note who holds a score that we never gave: before the first write, which forks inherit.

        A write also changes what shares the process's memory, as between vfork and exec (Linux
        fs/proc/base.c, __set_oom_adj).
        """
        for pid in live if self.order.fresh else ():
            if time.monotonic() > until:
                break
            with suppress(ProcessGoneError, OSError), proc.open(pid) as process:
                if (score := process.score()) in self.order.fresh:
                    self.chosen[pid] = OwnScore(process.start(), score)

    def of(self, proc: ProcRoot, process: Process, score: int) -> int | None:
        """Give the score that a process had of its own; None: none is known.

        A fork takes its parent's score (Linux kernel/fork.c, copy_signal), which is ours where the
        parent's was overridden: without us it would have taken the parent's own.
        """
        if not (self.order.own or self.chosen):
            return None
        start, parent = process.birth()
        chosen = self.chosen.get(process.pid) == OwnScore(start, score)
        known = self.order.own.get(process.pid)
        if known is not None and known.start == start and not chosen:
            return known.score
        self.forget(process.pid)  # the pid of another process, or another score
        inherits = score in self.order.given and not chosen
        own = self._inherited(proc, parent) if inherits else score if chosen else None
        return own if own is not None and self.keep(process.pid, OwnScore(start, own)) else None

    def _inherited(self, proc: ProcRoot, parent: int) -> int | None:
        known = self.order.own.get(parent)
        if known is None:
            return None
        try:
            with proc.open(parent) as process:
                return known.score if process.birth()[0] == known.start else None
        except ProcessGoneError:
            return None

    def keep(self, pid: int, own: OwnScore) -> bool:
        """Note a score to be saved; False: there are too many."""
        if pid not in self.kept and len(self.kept) >= MOST_OWN_SCORES:
            return False
        self.kept[pid] = own
        return True

    def is_saved(self, pid: int) -> bool:
        """Whether what is known of a process was known before this scan."""
        return self.order.own.get(pid) == self.kept.get(pid)

    def to_keep(self, live: Container[int], *, unreached: bool = False) -> OwnScores | None:
        """Give what is to be kept of the processes that live; None: nobody looked.

        `unreached`: others may live as well, so that all is kept.
        """
        if not (self.order.saves or self.order.own or self.kept):
            return None
        return {pid: own for pid, own in self.kept.items() if unreached or pid in live}

    def forget(self, pid: int) -> None:
        """Drop what was put back, or what the process itself has changed since."""
        self.kept.pop(pid, None)
