"""What to do with a container's processes: a plan as data, which `kernel` carries out."""

from enum import StrEnum

from msgspec import Struct, field

from oomwarden.api.vocabulary import SCORE_MIN
from oomwarden.core.enforcement.own_scores import OwnScores
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.policy.process_rules import ProcessTarget, ProcessTargets


class Baseline(Struct, frozen=True):
    """The score that the runtime gave a container, and the scores that oomwarden wrote.

    Attributes:
        value: The runtime's score. None if it is not known because the store was lost; `written`
            then begins with the score of the container's first process. None with an empty
            `written`: the first process had set itself a score out of the range.
        written: The scores that oomwarden wrote to its processes.
    """

    value: int | None
    written: frozenset[int] = frozenset()

    def with_written(self, *scores: int) -> "Baseline":
        """Return the baseline with scores that are about to be written."""
        return Baseline(self.value, self.written | set(scores))

    def settled(self, *scores: int) -> "Baseline":
        """Return the baseline after a complete scan: only these scores are left in any process.

        With an unknown baseline all others are kept, because the runtime gives its own score to
        exec'd processes.
        """
        if self.value is None:
            return self
        return Baseline(self.value, frozenset(scores) - {self.value})


DesiredScores = tuple[int | None, ProcessTargets]
"""The score of a container's processes, and the exceptions by command line."""


class ScorePlan(Struct, frozen=True):
    """Write `target` to each process whose score is in `movable`, and leave all others alone.

    A process that a rule names gets the rule's score instead, whatever its score is.

    Attributes:
        target: The score; None to write only to processes that a rule names.
        movable: Scores that may be overwritten.
        rules: Scores by command line.
        max_changes: How many processes one scan may change; None for any number.
        own: Scores that processes had set themselves. They are restored where no rule names the
            process.
        saves_own: A score that a process set itself is saved before a rule's score replaces it.
        never_assigned: Scores that no process of the container was ever given. A process that has
            one has chosen it.
    """

    target: int | None
    movable: frozenset[int]
    rules: ProcessTargets = ()
    max_changes: int | None = None
    own: OwnScores = field(default_factory=dict)
    saves_own: bool = False
    never_assigned: frozenset[int] = frozenset()

    @property
    def desired(self) -> DesiredScores:
        """Return what the plan is for, to compare it with other plans."""
        return (self.target, self.rules)

    @property
    def values(self) -> frozenset[int]:
        """Return all scores that may be written."""
        scores = {rule.score for rule in self.rules}
        return frozenset(scores if self.target is None else scores | {self.target})

    @property
    def assigned(self) -> frozenset[int]:
        """Return all scores that a process may have without having chosen one itself."""
        return self.movable | self.values

    def score_for(self, named: ProcessTarget | None, own: int | None = None) -> int | None:
        """Return the score for a process; None if it may keep any score."""
        if named:
            return named.score
        return self.target if own is None else own


class ProcessState(StrEnum):
    """The state of a process, according to its score."""

    HOLDS = "Holds"
    MOVABLE = "Movable"
    STARTING = "Starting"
    OWN = "Own"
    UNSAVED = "Unsaved"
    TOO_MANY = "TooMany"
    STUCK = "Stuck"


class ScanOutcome(Struct, frozen=True):
    """What a scan of a container's processes found and did.

    Attributes:
        target: The score of the plan.
        in_effect: PIDs of processes that have the score they should have.
        changed: How many processes were written to.
        written: PIDs of these processes.
        own: How many processes have a score of their own.
        failures: How many processes could not be read or written.
        failure: The first of these errors.
        complete: The last round found nothing left to change.
        rules: The process rules of the plan.
        rule_matched: Those of `in_effect` that a rule names.
        without_command: PIDs of processes without a command line (yet).
        stuck: PIDs of processes whose command lines the kernel does not return.
        rate_limited: How many processes wait for the node's rate limit.
        unsaved: How many processes have a score that must be saved before it is overwritten.
        too_many: How many scores of processes' own there is no room to save.
        own_scores: All scores of processes' own to store from now on; None if they were not read.
        cgroups_skipped: The container has more sub-cgroups than a scan can visit.
        written: PIDs of processes that were written to.
    """

    target: int | None
    in_effect: frozenset[int] = frozenset()
    changed: int = 0
    own: int = 0
    failures: int = 0
    failure: str = ""
    complete: bool = True
    rules: ProcessTargets = ()
    rule_matched: frozenset[int] = frozenset()
    without_command: frozenset[int] = frozenset()
    stuck: frozenset[int] = frozenset()
    rate_limited: int = 0
    unsaved: int = 0
    too_many: int = 0
    own_scores: OwnScores | None = None
    cgroups_skipped: bool = False
    written: frozenset[int] = frozenset()

    @property
    def desired(self) -> DesiredScores:
        """Return what the scan was for."""
        return (self.target, self.rules)

    def drifted_since(self, before: "ScanOutcome | None") -> int:
        """Count the processes that had the score they should have, had lost it, and got it again.

        Args:
            before: The scan before this one.
        """
        if before is None or before.desired != self.desired:
            return 0
        return len(before.in_effect & self.written)

    @property
    def fully_applied(self) -> bool:
        """Return whether every process was visited, and changed if necessary."""
        return self.complete and not (self.failures or self.stuck or self.cgroups_skipped)


def plan_scores(
    target: int | None,
    baseline: Baseline,
    mode: EnforcementMode,
    rules: ProcessTargets = (),
    *,
    own: bool = False,
) -> ScorePlan | None:
    """Return the plan for a container: apply the desired scores, or restore; None for nothing.

    With rules, a process may change from any score that oomwarden wrote to any other, because its
    command line changes. With an unknown baseline no score counts as a process's own: oomwarden may
    have written it.

    Args:
        target: The score to apply; None for none.
        baseline: What the runtime and oomwarden wrote.
        mode: The cluster's mode.
        rules: Scores by command line.
        own: Whether processes have scores of their own to restore.
    """
    if mode is EnforcementMode.PAUSE:
        return None
    value = baseline.value
    known = frozenset() if value is None else frozenset({value})
    if mode is EnforcementMode.ENFORCE and (target is not None or rules):
        if not (baseline.written or known):
            return None
        scores, given = ScorePlan(target, frozenset(), rules).values, baseline.written | known
        fresh = frozenset() if value is None else scores - given
        if not rules:
            return ScorePlan(target, given - {target}, never_assigned=fresh)
        return ScorePlan(
            target, given | scores, rules, saves_own=value is not None, never_assigned=fresh
        )
    if value is not None and (baseline.written or own):
        return ScorePlan(value, baseline.written - {value})
    return None


def classify(
    score: int, plan: ScorePlan, named: ProcessTarget | None = None, own: int | None = None
) -> ProcessState:
    """Return the state of a process.

    A score below -997 means that the runtime has not set it yet (runc exec). A score that a process
    set itself is left alone unless a rule names the process.

    Args:
        score: The score of the process.
        plan: What should be done.
        named: The rule that names the process.
        own: The process's own score that a rule has overridden; None if none is known.
    """
    if own is not None and named is None:
        return _classify_own(score, plan, own)
    desired = plan.score_for(named)
    if desired is None or score == desired:
        return ProcessState.HOLDS
    if score in plan.movable:
        return ProcessState.MOVABLE
    if score < SCORE_MIN:
        return ProcessState.STARTING
    if named is None:
        return ProcessState.OWN
    return ProcessState.UNSAVED if plan.saves_own and own != score else ProcessState.MOVABLE


def _classify_own(score: int, plan: ScorePlan, own: int) -> ProcessState:
    """Return the state of a process that gets back its own score: no rule names it any more."""
    if score != own and score in plan.assigned:
        return ProcessState.MOVABLE
    return ProcessState.HOLDS if score == plan.target else ProcessState.OWN
