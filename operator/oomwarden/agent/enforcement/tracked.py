"""What enforcement keeps of one container: the decision, the order, and when to scan again."""

import math
import random
from dataclasses import dataclass

from oomwarden.agent.enforcement.evaluator import Decision
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.plan import Baseline, ScanOutcome, ScorePlan
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.remark import Remark
from oomwarden.core.reporting.policy_report import ContainerStatus

FIRST_GAP_SECONDS = 0.1
"""A new process of `runc exec` has the runtime's score soon after its start."""
GRID_SECONDS = 1.0
"""Scans that are not urgent are done together: a wake-up costs more than a scan."""
FULL_SCAN_EVERY = 12
RULES_LONGEST_SECONDS = 2.0
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
"""Where processes wait for the node's cap. All containers look at the same time, and those that
got nothing come first: one that changes all the time leaves something to the others."""

NOT_SAVED = Remark(
    "NotSaved",
    "The kubelet's score could not be saved, so nothing was written: see the disk of the agent's "
    "state directory.",
)
_PAUSED = Remark(
    "Paused",
    "The switch (ConfigMap oomwarden-control in the release's namespace) is at Pause, or missing: "
    "nothing is changed until its mode is Enforce.",
)
_RELEASED = Remark(
    "Released",
    "The switch (ConfigMap oomwarden-control in the release's namespace) is at Release: all is put "
    "back, and nothing is enforced until its mode is Enforce.",
)
_OWN_FIRST = Remark(
    "OwnScore",
    "The container's first process has given itself a score below -997, and the container is left "
    "alone: take it out of the policy with `containers`.",
)


@dataclass(slots=True, eq=False)
class TrackedContainer:
    """One container in our charge. Times are event-loop times in seconds."""

    container: Container
    decision: Decision | None = None
    plan: ScorePlan | None = None
    outcome: ScanOutcome | None = None
    trouble: Remark | None = None
    due: float = math.inf
    cost: float = 0.0  # processor time of the last scan in seconds
    _spent: float = 0.0  # processor time that is not worked off yet
    _spent_at: float = 0.0
    _not_before: float = -math.inf
    _gap: float = FIRST_GAP_SECONDS
    _changed: float = -math.inf
    _scans: int = 0
    _hurried: bool = True

    def set_plan(self, order: ScorePlan | None, now: float) -> None:
        """Take an order: a new target is written at once, and looked at again soon."""
        before = self.plan.desired if self.plan else None
        self.plan = order
        if order is None:
            self.due, self.trouble = math.inf, None
        elif order.desired != before:
            self.trouble = None
            self.due = max(now, self._not_before)
            self._gap, self._scans, self._hurried = FIRST_GAP_SECONDS, 0, True

    @property
    def urgency(self) -> tuple[bool, float]:
        """Give the sort key: a target that no process holds yet comes first."""
        held_back = self.outcome is not None and self.outcome.held_back > 0
        got_nothing = held_back and self.outcome is not None and not self.outcome.changed
        return (self._is_written and not got_nothing, self.due)

    @property
    def _is_written(self) -> bool:
        if self.plan is None or self.outcome is None:
            return False
        return self.plan.desired == self.outcome.desired

    def verified_pids(self) -> frozenset[int]:
        """Give the pids that need no look; none at every twelfth scan."""
        if self.outcome is None or not self._is_written or self._scans % FULL_SCAN_EVERY == 0:
            return frozenset()
        return self.outcome.holding

    def is_settled(self, now: float) -> bool:
        """Whether a fork that began before the last change must be listed by now."""
        return now - self._changed >= SETTLED_SECONDS

    def record_outcome(
        self, outcome: ScanOutcome | None, trouble: Remark | None, now: float
    ) -> None:
        """Keep what came of a scan that ended now; None: it could not be made."""
        if outcome is not None and outcome.changed:
            self._changed = now
        before = self.outcome.blank if self.outcome else frozenset()
        self._scans += 1
        self.outcome = outcome or self.outcome
        self.trouble = trouble
        self._hurried = outcome is not None and bool(
            outcome.changed or not outcome.complete or outcome.blank - before
        )

    def requeue_soon(self) -> None:
        """Scan again soon, whatever the last scan has found."""
        self._hurried = True

    def defer(self, until: float, why: Remark) -> None:
        """Wait for a turn, and say so."""
        self.due, self.trouble = until, why

    @property
    def is_hurried(self) -> bool:
        """Whether the next scan comes soon, because the last one found something new."""
        return self._hurried and self.plan is not None

    def schedule_next(self, now: float, longest: float, *, hurried: int = 1) -> None:
        """Set the time of the next scan: soon after a change, and then ever later.

        Args:
            now: The present.
            longest: The longest gap in seconds.
            hurried: How many containers are scanned soon again, this one among them.
        """
        self._set_due(now, longest)
        share = SCAN_SHARE * max(hurried if self._hurried else 1, 1)
        worked_off = (now - self._spent_at) / share
        self._spent, self._spent_at = max(self._spent - worked_off, 0.0) + self.cost, now
        self._not_before = now + max(self._spent - SCAN_BURST_SECONDS, 0.0) * share
        self.cost = 0.0
        self.due = max(self.due, self._not_before)

    def _set_due(self, now: float, longest: float) -> None:
        first = FIRST_GAP_SECONDS
        if self.plan and self.plan.rules:
            longest = min(longest, RULES_LONGEST_SECONDS)
            first = FIRST_GAP_SECONDS if self._scans <= HURRIED_SCANS else RULES_HURRIED_SECONDS
        if self.outcome is not None and self.outcome.held_back and self._is_written:
            self.due = (math.floor(now / HELD_BACK_SECONDS) + 1) * HELD_BACK_SECONDS
            return
        self._gap = first if self._hurried else min(self._gap * 2, longest)
        due = now + self._gap * random.uniform(0.9, 1.0)  # noqa: S311 - jitter
        if self._gap >= GRID_SECONDS:
            due = math.ceil(due / GRID_SECONDS) * GRID_SECONDS
        self.due = due

    def item(
        self, baseline: Baseline | None, mode: EnforcementMode | None
    ) -> ContainerStatus | None:
        """Give what there is to report; None before it was decided on."""
        if self.decision is None:
            return None
        troubles = [self.trouble] if self.trouble else []
        if mode is EnforcementMode.RELEASE:
            troubles.append(_RELEASED)
        if mode is EnforcementMode.PAUSE:
            troubles.append(_PAUSED)
        if baseline == Baseline(None):
            troubles.append(_OWN_FIRST)
        each = self.decision
        given, limit = baseline.value if baseline else None, self.container.limit
        standing, told = each.standing, tuple(troubles)
        return ContainerStatus(
            each.pod, each.name, standing, self.outcome, told, given=given, limit=limit
        )

    def holding(self, baseline: Baseline | None) -> int:
        """Count the processes that hold a score of ours."""
        outcome = self.outcome
        if baseline is None or outcome is None:
            return 0
        return len(outcome.named if outcome.target == baseline.value else outcome.holding)
