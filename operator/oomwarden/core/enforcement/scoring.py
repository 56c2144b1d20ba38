"""Which oom_score_adj a rule asks for on one container, within the bounds."""

from dataclasses import dataclass

from oomwarden.api.policy import SCORE_MAX, SCORE_MIN, Rule
from oomwarden.core.model.remark import Remark
from oomwarden.core.policy.process_rules import ProcessTarget, ProcessTargets


@dataclass(frozen=True, slots=True)
class Target:
    """The score to hold; None: none can be given, or none is asked for.

    `processes`: other scores for processes by command line. Where the rule has nothing but those,
    `score` is the baseline.
    """

    score: int | None = None
    remarks: tuple[Remark, ...] = ()
    processes: ProcessTargets = ()

    @property
    def desired(self) -> tuple[int | None, ProcessTargets]:
        """Compare with what an order was for."""
        return (self.score, self.processes)

    @property
    def lowest(self) -> int | None:
        """Give the lowest score that any process may get; None: none is asked for."""
        scores = [each.score for each in self.processes]
        return min(scores if self.score is None else [self.score, *scores], default=None)

    @property
    def asks(self) -> bool:
        """Whether there is anything to hold."""
        return self.score is not None or bool(self.processes)


@dataclass(frozen=True, slots=True)
class Floor:
    """The lowest score for policies of a namespace; None: only raise what the kubelet gave."""

    lowest: int | None = None


BASELINE_UNKNOWN = Remark(
    "BaselineUnknown",
    "The score that the kubelet gave this container is not known: the agent's database was lost, "
    "or the container changed its score before. Until the container restarts only oomScoreAdj is "
    "enforced, and nothing is put back.",
)


def target_for(
    rule: Rule, baseline: int | None, floor: Floor | None, reference: int | None = None
) -> Target:
    """Work out the score for a container.

    Args:
        rule: What the winning policy says.
        baseline: The score that the runtime gave; None: not known.
        floor: Set for an OOMPolicy, None for a ClusterOOMPolicy.
        reference: What an offset is added to, where that is not the baseline.
    """
    lowest = _lowest(baseline, floor)
    whole = _whole(rule, baseline, lowest, reference)
    if not rule.processes:
        return whole
    if lowest is None:
        return Target(None, (BASELINE_UNKNOWN,))
    processes = tuple(
        ProcessTarget(each.command, max(each.oom_score_adj, lowest)) for each in rule.processes
    )
    below = (each for each in rule.processes if each.oom_score_adj < lowest)
    first = next(below, None)  # it stands for all: the reason and the remedy are the same
    asked = f"{first.oom_score_adj} for {first.command!r}" if first else ""
    raised = (_below_floor(asked, lowest),) if first else ()
    return Target(whole.score, (*whole.remarks, *raised), processes)


def _whole(rule: Rule, baseline: int | None, lowest: int | None, reference: int | None) -> Target:
    """Work out the score of the processes that no rule for processes names."""
    wanted = _wanted(rule, baseline, reference)
    if wanted is None:
        asked = rule.oom_score_offset is not None
        return Target(None, (BASELINE_UNKNOWN,) if asked else ())
    if lowest is None:
        return Target(None, (BASELINE_UNKNOWN,))
    score = max(min(max(wanted, SCORE_MIN), SCORE_MAX), lowest)
    return Target(score, _remarks(wanted, score, lowest))


def _wanted(rule: Rule, baseline: int | None, reference: int | None) -> int | None:
    if rule.oom_score_adj is None and rule.oom_score_offset is None and rule.processes:
        return baseline
    if rule.oom_score_offset is None:
        return rule.oom_score_adj
    if baseline is None:
        return None
    return (baseline if reference is None else reference) + rule.oom_score_offset


def _lowest(baseline: int | None, floor: Floor | None) -> int | None:
    """Give the bound, min(baseline, floor); None when it hangs on a baseline that is unknown."""
    if floor is None:
        return SCORE_MIN
    if floor.lowest is None or baseline is None:
        return baseline if floor.lowest is None else floor.lowest
    return min(baseline, floor.lowest)


def _remarks(wanted: int, score: int, lowest: int) -> tuple[Remark, ...]:
    if score == wanted:
        return ()
    if score == lowest != SCORE_MIN:
        return (_below_floor(str(wanted), score),)
    return (
        Remark(
            "Clamped",
            f"The kubelet's score and oomScoreOffset make {wanted}; {score} is set, because scores "
            f"go from {SCORE_MIN} to {SCORE_MAX}: choose an offset that stays within.",
        ),
    )


def _below_floor(asked: str, score: int) -> Remark:
    return Remark(
        "BelowFloor",
        f"The policy asks for {asked}; {score} is set, because a policy of a namespace may not go "
        f"below {score} on this container: ask for {score} or more, or ask an administrator for a "
        "ClusterOOMPolicy.",
    )
