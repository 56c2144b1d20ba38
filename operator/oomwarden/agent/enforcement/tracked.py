"""What enforcement keeps of one container: the decision, the plan, and what came of it."""

from msgspec import Struct, field

from oomwarden.agent.enforcement.evaluator import Decision
from oomwarden.agent.enforcement.scan_schedule import ScanSchedule
from oomwarden.agent.informers.inventory import Container, container_keys
from oomwarden.core.enforcement.plan import Baseline, ScanOutcome, ScorePlan
from oomwarden.core.log_line.keys import LogKeys
from oomwarden.core.model.remark import Remark

NOT_SAVED = Remark(
    "NotSaved",
    "The kubelet's score could not be saved, so nothing was written: see the disk of the agent's "
    "state directory.",
)


class TrackedContainer(Struct, eq=False):
    """One live container.

    Attributes:
        container: The cgroup and what is known of it.
        decision: How the policies stand on it; None until it was decided on once.
        plan: What is to be true of its processes; None leaves them as they are.
        outcome: What the last scan that could be made has found.
        trouble: Why the plan is not in effect; None after a scan without trouble.
        cost: Processor time of scans that is not charged to the schedule yet, in seconds.
        schedule: When it is scanned again.
        basis: What decision and plan follow from; None while it is not decided on.
        looked_at: What `basis` is made of, as it was then: while these are the same objects, no
            look at the container is needed.
        confirmed: The outcome from which nothing is left to be done, as long as the plan and the
            processes stay the same; None: there is no such outcome.
    """

    container: Container
    decision: Decision | None = None
    plan: ScorePlan | None = None
    outcome: ScanOutcome | None = None
    trouble: Remark | None = None
    cost: float = 0.0
    schedule: ScanSchedule = field(default_factory=ScanSchedule)
    basis: tuple[object, ...] | None = None
    looked_at: tuple[object, ...] | None = None
    confirmed: ScanOutcome | None = None

    def set_plan(self, plan: ScorePlan | None, now: float) -> None:
        """Take a plan: a new target is written immediately, and checked again soon."""
        if plan is not None and plan == self.plan:
            return
        before = self.plan.desired if self.plan else None
        self.plan, self.confirmed = plan, None
        if plan is None:
            self.trouble = None
            self.schedule.stop()
        elif plan.desired != before:
            self.trouble = None
            self.schedule.restart(now)

    @property
    def keys(self) -> LogKeys:
        """What a log line says of the container."""
        return container_keys(self.container, self.decision.pod if self.decision else None)

    @property
    def urgency(self) -> tuple[bool, float]:
        """The sort key: a target that no process holds yet comes first."""
        held_back = self.outcome is not None and self.outcome.rate_limited > 0
        got_nothing = held_back and self.outcome is not None and not self.outcome.changed
        return (self.is_written and not got_nothing, self.schedule.due)

    @property
    def is_hurried(self) -> bool:
        """Whether the next scan comes soon, because the last one found something new."""
        return self.schedule.is_hurried and self.plan is not None

    @property
    def is_written(self) -> bool:
        """Whether the last scan was for the current target."""
        if self.plan is None or self.outcome is None:
            return False
        return self.plan.desired == self.outcome.desired

    @property
    def is_confirmed(self) -> bool:
        """Whether nothing is left to be done while no process is started."""
        return self.confirmed is not None and self.confirmed is self.outcome

    def verified_pids(self) -> frozenset[int]:
        """Return the pids that need no check; none at every twelfth scan."""
        if self.outcome is None or not self.is_written or self.schedule.is_full_scan_next():
            return frozenset()
        return self.outcome.in_effect

    def record_outcome(
        self, outcome: ScanOutcome | None, trouble: Remark | None, now: float
    ) -> None:
        """Keep what came of a scan that ended now; None: it could not be made."""
        before = self.outcome.without_command if self.outcome else frozenset()
        self.schedule.record_scan(
            now,
            changed=outcome is not None and bool(outcome.changed),
            found_new=outcome is not None
            and bool(outcome.changed or not outcome.complete or outcome.without_command - before),
        )
        self.outcome = outcome or self.outcome
        self.trouble = trouble

    def defer(self, until: float, why: Remark) -> None:
        """Wait for a turn until an event-loop time, and report why."""
        self.schedule.due, self.trouble = until, why

    def schedule_next(self, now: float, longest: float, *, hurried: int = 1) -> None:
        """Set the time of the next scan.

        Args:
            now: The time at which the last scan ended.
            longest: The longest gap in seconds.
            hurried: How many containers are scanned soon again, this one among them.
        """
        held_back = self.outcome is not None and self.outcome.rate_limited > 0 and self.is_written
        rules = self.plan is not None and bool(self.plan.rules)
        self.schedule.plan_next(now, longest, rules=rules, held_back=held_back)
        self.schedule.spend(self.cost, now, hurried)
        self.cost = 0.0

    def enforced_processes(self, baseline: Baseline | None) -> int:
        """Count the processes that hold a score set by oomwarden."""
        outcome = self.outcome
        if baseline is None or outcome is None:
            return 0
        return len(outcome.rule_matched if outcome.target == baseline.value else outcome.in_effect)
