"""What the policies ask for on one container, before anything is known of its processes."""

from collections.abc import Iterable

from msgspec import Struct, field

from oomwarden.core.enforcement.scoring import Floor, Target, target_for
from oomwarden.core.policy.matching import Match, PolicySelection, select_winner
from oomwarden.core.policy.policy import NAMESPACED, Policy


class Evaluation(Struct, frozen=True):
    """What the policies ask for on one container.

    Attributes:
        selection: Which policy governs it.
        target: The target of the winner.
        observed: The target of each observer.
    """

    selection: PolicySelection = field(default_factory=PolicySelection)
    target: Target = field(default_factory=Target)
    observed: tuple[Target, ...] = ()


def evaluate(
    policies: Iterable[Policy],
    container: str,
    baseline: int | None,
    floor: Floor,
    reference: int | None = None,
) -> Evaluation:
    """Evaluate the policies that select a container's pod.

    Args:
        policies: The policies, in any order.
        container: Its name.
        baseline: The runtime's score; None if it is not known.
        floor: The floor for namespaced policies.
        reference: What the kubelet would give now; None for the baseline.
    """
    found = select_winner(policies, container)

    def target(match: Match) -> Target:
        bound = floor if match.policy.kind == NAMESPACED else None
        return target_for(match.rule, baseline, bound, reference)

    observed = tuple(target(each) for each in found.observers)
    return Evaluation(found, target(found.winner) if found.winner else Target(), observed)
