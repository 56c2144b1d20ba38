"""Which oom_score_adj a rule asks for on one container, within the bounds."""

from dataclasses import dataclass

from oomwarden.api.policy import SCORE_MAX, SCORE_MIN, Rule


@dataclass(frozen=True, slots=True)
class Remark:
    """Why a policy is not, or not wholly, in force: a word for programs, a sentence for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Target:
    """The score to hold; None: none can be given, or none is asked for."""

    score: int | None = None
    remarks: tuple[Remark, ...] = ()


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


def target_for(rule: Rule, baseline: int | None, floor: Floor | None) -> Target:
    """Work out the score for a container.

    Args:
        rule: What the winning policy says.
        baseline: The score that the runtime gave; None: not known.
        floor: Set for an OOMPolicy, None for a ClusterOOMPolicy.
    """
    wanted = _wanted(rule, baseline)
    if wanted is None:
        asked = rule.oom_score_offset is not None
        return Target(None, (BASELINE_UNKNOWN,) if asked else ())
    lowest = _lowest(baseline, floor)
    if lowest is None:
        return Target(None, (BASELINE_UNKNOWN,))
    score = max(min(max(wanted, SCORE_MIN), SCORE_MAX), lowest)
    return Target(score, _remarks(wanted, score, lowest))


def _wanted(rule: Rule, baseline: int | None) -> int | None:
    if rule.oom_score_offset is None:
        return rule.oom_score_adj
    return None if baseline is None else baseline + rule.oom_score_offset


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
        return (
            Remark(
                "BelowFloor",
                f"The policy asks for {wanted}; {score} is set, because a policy of a namespace "
                f"may not go below {score} on this container: ask for {score} or more, or ask an "
                "administrator for a ClusterOOMPolicy.",
            ),
        )
    return (
        Remark(
            "Clamped",
            f"The kubelet's score and oomScoreOffset make {wanted}; {score} is set, because scores "
            f"go from {SCORE_MIN} to {SCORE_MAX}: choose an offset that stays within.",
        ),
    )
