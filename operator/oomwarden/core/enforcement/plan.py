"""What is to be done to a container's processes: effects as data, carried out by `kernel`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from oomwarden.api.policy import SCORE_MIN
from oomwarden.core.enforcement.own_scores import OwnScores
from oomwarden.core.enforcement.scoring import Floor, Target, target_for
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.policy.matching import Match, PolicySelection, select_winner
from oomwarden.core.policy.policy import NAMESPACED, Policy
from oomwarden.core.policy.process_rules import ProcessTarget, ProcessTargets


@dataclass(frozen=True, slots=True)
class Baseline:
    """The score that the runtime gave a container, and the values that we gave its processes.

    `value` None: not known, the store was lost; `ours` then begins with what its first process
    held. None and no `ours`: the first process had given itself a score out of the range.
    """

    value: int | None
    ours: frozenset[int] = frozenset()

    def with_ours(self, *scores: int) -> "Baseline":
        """Add the values that are about to be written."""
        return Baseline(self.value, self.ours | set(scores))

    def settled(self, *scores: int) -> "Baseline":
        """Forget all but these after a scan that reached its end: no process holds the others.

        With an unknown baseline they stay: the runtime gives its own value to exec'd processes.
        """
        if self.value is None:
            return self
        return Baseline(self.value, frozenset(scores) - {self.value})


DesiredScores = tuple[int | None, ProcessTargets]
"""What the processes of a container are to hold: the same for all, and by command line."""


@dataclass(frozen=True, slots=True)
class ScorePlan:
    """Write `target` to each process that holds one of `movable`; leave all others alone.

    A process that a rule names gets the rule's score instead, whatever it holds. `target` None:
    only those are written to. `most`: change no more processes in one scan; None: any number.
    `own`: scores of their own that processes had; they get them back where no rule names them.
    `saves`: a score that a process gave itself is saved before a rule's takes its place. `fresh`:
    values that no process of the container was given before: one that holds one has chosen it.
    """

    target: int | None
    movable: frozenset[int]
    rules: ProcessTargets = ()
    most: int | None = None
    own: OwnScores = field(default_factory=dict, hash=False)
    saves: bool = False
    fresh: frozenset[int] = frozenset()

    @property
    def desired(self) -> DesiredScores:
        """Tell it from orders for other values."""
        return (self.target, self.rules)

    @property
    def values(self) -> frozenset[int]:
        """Give all that may be written."""
        scores = {rule.score for rule in self.rules}
        return frozenset(scores if self.target is None else scores | {self.target})

    @property
    def given(self) -> frozenset[int]:
        """Give all scores that a process may hold without having chosen one itself."""
        return self.movable | self.values

    def wanted(self, named: ProcessTarget | None, own: int | None = None) -> int | None:
        """Give what a process is to hold; None: nothing is asked of it."""
        if named:
            return named.score
        return self.target if own is None else own


class ProcessState(StrEnum):
    """What a process is, by the score that it holds."""

    HOLDS = "Holds"
    MOVABLE = "Movable"
    STARTING = "Starting"
    OWN = "Own"
    UNSAVED = "Unsaved"
    TOO_MANY = "TooMany"
    STUCK = "Stuck"


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What a scan of a container's processes found and did; `holding` are pids.

    `complete`: the last round found nothing left to change. `failures` counts processes that
    could not be read or written; `failure` tells of the first one. Of `holding`, `named` are
    those that a rule names. `blank` have no command line (yet); `stuck` were left out, because
    the kernel does not give theirs. `held_back` counts those that wait for the node's cap. `own`
    counts those with a score of their own; `unsaved` those whose score is to be saved before it is
    written over, `too_many` those for which there is no room; `to_keep` is all that is to be kept
    of such scores from now on, None: nobody looked. `unreached`: the container has more cgroups
    below its own than a scan can visit.
    """

    target: int | None
    holding: frozenset[int] = frozenset()
    changed: int = 0
    own: int = 0
    failures: int = 0
    failure: str = ""
    complete: bool = True
    rules: ProcessTargets = ()
    named: frozenset[int] = frozenset()
    blank: frozenset[int] = frozenset()
    stuck: frozenset[int] = frozenset()
    held_back: int = 0
    unsaved: int = 0
    too_many: int = 0
    to_keep: OwnScores | None = None
    unreached: bool = False

    @property
    def desired(self) -> DesiredScores:
        """Tell for which order it was done."""
        return (self.target, self.rules)

    @property
    def whole(self) -> bool:
        """Whether every process was looked at, and changed where it had to be."""
        return self.complete and not (self.failures or self.stuck or self.unreached)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How the policies stand on one container; a target for the winner and for each observer."""

    contest: PolicySelection = field(default_factory=PolicySelection)
    target: Target = field(default_factory=Target)
    observed: tuple[Target, ...] = ()


def evaluate(
    policies: Iterable[Policy],
    container: str,
    baseline: int | None,
    floor: Floor,
    reference: int | None = None,
) -> Evaluation:
    """Decide a container among the policies that select its pod.

    Args:
        policies: In any order.
        container: Its name.
        baseline: The score that the runtime gave; None: not known.
        floor: Of policies of a namespace.
        reference: What the kubelet would give now; None: what the runtime gave.
    """
    found = select_winner(policies, container)

    def target(entrant: Match) -> Target:
        bound = floor if entrant.policy.kind == NAMESPACED else None
        return target_for(entrant.rule, baseline, bound, reference)

    observed = tuple(target(each) for each in found.observers)
    return Evaluation(found, target(found.winner) if found.winner else Target(), observed)


def plan_scores(
    target: int | None,
    baseline: Baseline,
    switch: EnforcementMode,
    rules: ProcessTargets = (),
    *,
    own: bool = False,
) -> ScorePlan | None:
    """Give what to do to a container: hold the target and the rules' scores, put back, or nothing.

    With rules, a process may go from any value of ours to any other: its command line changes.
    With an unknown baseline no score counts as a process's own: it may be ours.

    Args:
        target: The score to hold; None: none.
        baseline: What the runtime gave, and what we gave.
        switch: The one switch.
        rules: Scores by command line.
        own: Whether processes have scores of their own to be put back.
    """
    if switch is EnforcementMode.PAUSE:
        return None
    value = baseline.value
    known = frozenset() if value is None else frozenset({value})
    if switch is EnforcementMode.ENFORCE and (target is not None or rules):
        if not (baseline.ours or known):
            return None
        scores, given = ScorePlan(target, frozenset(), rules).values, baseline.ours | known
        fresh = frozenset() if value is None else scores - given
        if not rules:
            return ScorePlan(target, given - {target}, fresh=fresh)
        return ScorePlan(target, given | scores, rules, saves=value is not None, fresh=fresh)
    if value is not None and (baseline.ours or own):
        return ScorePlan(value, baseline.ours - {value})
    return None


def classify(
    score: int, order: ScorePlan, named: ProcessTarget | None = None, own: int | None = None
) -> ProcessState:
    """Tell what a process is. Below -997 the runtime has not given its score yet (runc exec).

    A score of the process's own is left alone unless a rule names the process.

    Args:
        score: What it holds.
        order: What is to be done.
        named: The rule that names it.
        own: The score of its own that a rule has overridden; None: none is known.
    """
    if own is not None and named is None:
        ours = score != own and score in order.given
        return (
            ProcessState.MOVABLE
            if ours
            else ProcessState.HOLDS
            if score == order.target
            else ProcessState.OWN
        )
    wanted = order.wanted(named)
    if wanted is None or score == wanted:
        return ProcessState.HOLDS
    if score in order.movable:
        return ProcessState.MOVABLE
    if score < SCORE_MIN:
        return ProcessState.STARTING
    if named is None:
        return ProcessState.OWN
    return ProcessState.UNSAVED if order.saves and own != score else ProcessState.MOVABLE
