"""Which oom_score_adj a rule asks for on one container, within the bounds."""

from msgspec import Struct

from oomwarden.api.policy import Rule
from oomwarden.api.vocabulary import SCORE_MAX, SCORE_MIN
from oomwarden.core.model.remark import Remark
from oomwarden.core.policy.process_rules import ProcessTarget, ProcessTargets


class Target(Struct, frozen=True):
    """The score that a rule asks for.

    Attributes:
        score: The score; None if the rule asks for none or it is not known. The baseline if the
            rule sets only scores by command line.
        remarks: Why the score differs from what the rule says.
        processes: Other scores for processes by command line.
    """

    score: int | None = None
    remarks: tuple[Remark, ...] = ()
    processes: ProcessTargets = ()

    @property
    def desired(self) -> tuple[int | None, ProcessTargets]:
        """Return what to compare with a plan."""
        return (self.score, self.processes)

    @property
    def lowest(self) -> int | None:
        """Return the lowest score that any process may get; None for none."""
        scores = [each.score for each in self.processes]
        return min(scores if self.score is None else [self.score, *scores], default=None)

    @property
    def is_set(self) -> bool:
        """Return whether the rule asks for any score."""
        return self.score is not None or bool(self.processes)


class Floor(Struct, frozen=True):
    """The lowest score for namespaced policies; None if they may only raise the kubelet's score."""

    lowest: int | None = None


BASELINE_UNKNOWN = Remark(
    "BaselineUnknown",
    "The score that the kubelet gave this container is not known: the agent's database was "
    "lost, or the container changed its score before the agent saw it. Until the container "
    "restarts, only oomScoreAdj is enforced, and nothing is restored.",
)


def target_for(
    rule: Rule, baseline: int | None, floor: Floor | None, reference: int | None = None
) -> Target:
    """Compute the score for a container.

    Args:
        rule: The rule of the governing policy.
        baseline: The runtime's score; None if it is not known.
        floor: Set for an OOMPolicy, None for a ClusterOOMPolicy.
        reference: What an offset is added to, if that is not the baseline.
    """
    lowest = _lowest(baseline, floor)
    default = _default_target(rule, baseline, lowest, reference)
    if not rule.processes:
        return default
    if lowest is None:
        return Target(None, (BASELINE_UNKNOWN,))
    processes = tuple(
        ProcessTarget(each.command, max(each.oom_score_adj, lowest)) for each in rule.processes
    )
    below = (each for each in rule.processes if each.oom_score_adj < lowest)
    first = next(below, None)  # one is enough: reason and remedy are the same for all
    asked = f"{first.oom_score_adj} for {first.command!r}" if first else ""
    raised = (_below_floor(asked, lowest),) if first else ()
    return Target(default.score, (*default.remarks, *raised), processes)


def _default_target(
    rule: Rule, baseline: int | None, lowest: int | None, reference: int | None
) -> Target:
    """Compute the score of the processes that no process rule names."""
    requested = _requested(rule, baseline, reference)
    if requested is None:
        asked = rule.oom_score_offset is not None
        return Target(None, (BASELINE_UNKNOWN,) if asked else ())
    if lowest is None:
        return Target(None, (BASELINE_UNKNOWN,))
    score = max(min(max(requested, SCORE_MIN), SCORE_MAX), lowest)
    return Target(score, _remarks(requested, score, lowest))


def _requested(rule: Rule, baseline: int | None, reference: int | None) -> int | None:
    if rule.oom_score_adj is None and rule.oom_score_offset is None and rule.processes:
        return baseline
    if rule.oom_score_offset is None:
        return rule.oom_score_adj
    if baseline is None:
        return None
    return (baseline if reference is None else reference) + rule.oom_score_offset


def _lowest(baseline: int | None, floor: Floor | None) -> int | None:
    """Return the bound, min(baseline, floor); None if it depends on an unknown baseline."""
    if floor is None:
        return SCORE_MIN
    if floor.lowest is None or baseline is None:
        return baseline if floor.lowest is None else floor.lowest
    return min(baseline, floor.lowest)


def _remarks(requested: int, score: int, lowest: int) -> tuple[Remark, ...]:
    if score == requested:
        return ()
    if score == lowest != SCORE_MIN:
        return (_below_floor(str(requested), score),)
    return (
        Remark(
            "Clamped",
            f"The kubelet's score plus oomScoreOffset is {requested}; {score} is set, because "
            f"scores range from {SCORE_MIN} to {SCORE_MAX}: choose an offset that stays within.",
        ),
    )


def _below_floor(asked: str, score: int) -> Remark:
    return Remark(
        "BelowFloor",
        f"The policy asks for {asked}; {score} is set, because a namespaced policy may not go "
        f"below {score} on this container: choose {score} or more, or ask an administrator for a "
        "ClusterOOMPolicy.",
    )
