"""What is written: the scores of live processes follow the plans, and go back when policies go.

The steps, in order: wait for a change or for the next scan -> drop the containers that are gone ->
evaluate each container -> save what is about to be written -> write, round after round until
nothing new is found -> keep what came of it for OOMNode. Nothing is put back when the agent stops.
"""

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterable

from msgspec import Struct, field

from oomwarden.agent.baselines.offsets import OffsetReferences
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.baselines.store_loss import forget_loss
from oomwarden.agent.enforcement.caps import Caps
from oomwarden.agent.enforcement.scanner import Scanner
from oomwarden.agent.enforcement.tracked import NOT_SAVED, TrackedContainer
from oomwarden.agent.enforcement.tracker import Tracker
from oomwarden.agent.runtime.pace import ReconcilePacer
from oomwarden.agent.runtime.signal import Signal
from oomwarden.core.enforcement.plan import ScanOutcome
from oomwarden.core.log_line.keys import NOT_SAVED_REASON, about
from oomwarden.core.policy.policy import PolicyKey

RESCAN_SECONDS = 10.0
_LOG = logging.getLogger(__name__)


class ScoreReconciler(Struct):
    """Reconciles `oom_score_adj` of every process with the plan of its container.

    Attributes:
        tracker: The containers and their plans.
        baselines: What the runtime gave each container, saved before the first write.
        offsets: What oomScoreOffset is relative to.
        scanner: Reads and writes the scores of one container.
        caps: How much may be changed at a time.
        changed: Set when containers have to be evaluated again.
        evaluated: Called after all containers were evaluated.
        status_changed: Called when OOMNode may have to say something else.
        repaired: Called with a policy, and with the number of processes that had lost its score.
        rescan: Longest time between two scans of a container, in seconds.
        progress: Time of the last step (`time.monotonic`).
    """

    tracker: Tracker
    baselines: Baselines
    offsets: OffsetReferences
    scanner: Scanner
    caps: Caps
    changed: Signal
    evaluated: Callable[[], None]
    status_changed: Callable[[], None]
    repaired: Callable[[PolicyKey, int], None]
    rescan: float = RESCAN_SECONDS
    progress: float = 0.0
    _hurried: int = 0
    _pace: ReconcilePacer = field(default_factory=ReconcilePacer)

    async def run(self) -> None:
        """Enforce until cancelled. Baselines must have been loaded before."""
        while True:
            await self.step()
            await self._wait()

    async def step(self) -> None:
        """Do what is due now; changes, such as a new container, do not wait for a long list."""
        if self.changed.clear() or not self.progress:
            with self._pace:
                self.tracker.update(self._now())
            await self._drop_gone()
            self.evaluated()
        due = self._due()
        await self._save_before(due)
        settled = await self._scan_all(due)
        if settled:  # once for all of them: each change has every container evaluated again
            self.changed.set()
        await self.offsets.try_save()  # not before: a container that starts would wait for the disk
        self.progress = time.monotonic()

    async def _scan_all(self, due: list[TrackedContainer]) -> bool:
        """Scan what is due; return whether an older value of oomwarden's was forgotten."""
        settled, verified = False, None
        if due:
            self._hurried = sum(each.is_hurried for each in self.tracker.planned)
        for tracked in due:
            if verified is None and tracked.is_written:  # whatever is urgent was done before
                verified = await self.scanner.find_unchanged(due)
            pids = (verified or {}).get(tracked.container.cgroup.inode)
            if pids and self._is_as_before(tracked, pids):
                continue
            if not pids and self.changed.is_set() and tracked is not due[0]:
                continue  # those that were checked together are done all the same
            settled |= await self._scan(tracked, pids)
            self.progress = time.monotonic()
        return settled

    def _is_as_before(self, tracked: TrackedContainer, pids: frozenset[int]) -> bool:
        """Return whether nothing is to be done, and plan the next look at the container if so."""
        same = tracked.is_confirmed and tracked.outcome and tracked.outcome.in_effect is pids
        return bool(same) and tracked.schedule.confirm(self._now(), self.rescan)

    def _due(self) -> list[TrackedContainer]:
        """Return what is due now; the quiet ones come last, without a look at the caps."""
        now = self._now()
        due = [each for each in self.tracker.planned if each.schedule.due <= now]
        quiet = [each for each in due if each.is_confirmed]
        return [*self._admit(each for each in due if not each.is_confirmed), *quiet]

    def _admit(self, due: Iterable[TrackedContainer]) -> list[TrackedContainer]:
        """Put the urgent ones first; defer those that the caps hold back."""
        wanted = sorted(due, key=lambda each: each.urgency)
        admitted = self.caps.admit(wanted, self.baselines)
        if len(admitted) < len(wanted):
            self.status_changed()
        return admitted

    async def _wait(self) -> None:
        """Sleep until something changes or a scan is due, but show a sign of life in between."""
        if self.changed.is_set():
            await self._pace.rest()
        due = min((each.schedule.due for each in self.tracker.planned), default=math.inf)
        await self.changed.set_within(min(max(due - self._now(), 0), self.rescan))

    async def _drop_gone(self) -> None:
        live = self.tracker.view.inventory.containers
        planned = frozenset(each.container.cgroup.inode for each in self.tracker.planned)
        await self.scanner.keep_only(live, planned)
        if live:  # before detection's first batch nothing is known to be gone
            self.caps.keep_only(each.cgroup.pod_uid or "" for each in live.values())

    async def _save_before(self, due: Iterable[TrackedContainer]) -> None:
        """Save each value before it is written, or a crash in between would lose the way back."""
        for tracked in due:
            if tracked.is_confirmed:
                continue
            baseline = self.baselines.get(tracked.container)
            if tracked.plan and baseline and (ours := tracked.plan.values - {baseline.value}):
                self.baselines.put(tracked.container, baseline.with_written(*ours))
        try:
            await self.baselines.save_all()
            await forget_loss(self.baselines, self.tracker.view.inventory)
        except sqlite3.Error as error:
            _LOG.warning(
                "baselines are not saved, nothing is written before they are: %s",
                error,
                extra=about(reason=NOT_SAVED_REASON, error=str(error)),
            )

    async def _scan(self, tracked: TrackedContainer, verified: frozenset[int] | None) -> bool:
        """Scan a container, unless all of its processes are verified already.

        Returns:
            Whether older values set by oomwarden were forgotten, so that its next plan differs.
        """
        plan, before, settled = tracked.plan, tracked.outcome, False
        if plan is None:
            return False
        if not self.baselines.is_saved(tracked.container):
            tracked.record_outcome(None, NOT_SAVED, self._now())
        else:
            began = self._now()
            done = (ScanOutcome(plan.target, in_effect=verified), None) if verified else None
            found = done or await self.scanner.scan(tracked)
            tracked.record_outcome(*found, self._now())
            self._note_repairs(tracked, before, found[0])
            if (outcome := found[0]) and tracked.schedule.is_settled(began):
                settled = self.baselines.settle(tracked.container, plan, outcome)
                tracked.confirmed = None if settled or done is None else outcome
        tracked.schedule_next(self._now(), self.rescan, hurried=self._hurried)
        if tracked.outcome != before or settled:
            self.status_changed()
        return settled

    def _note_repairs(
        self, tracked: TrackedContainer, before: ScanOutcome | None, now: ScanOutcome | None
    ) -> None:
        winner = tracked.decision.evaluation.selection.winner if tracked.decision else None
        if winner is not None and now is not None and (count := now.drifted_since(before)):
            self.repaired(winner.policy.key, count)

    def _now(self) -> float:
        return time.monotonic()
