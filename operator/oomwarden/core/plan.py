"""What is to be done to a container's processes: effects as data, carried out by `kernel`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from oomwarden.api.policy import SCORE_MIN
from oomwarden.core.matching import Contest, Match, contest
from oomwarden.core.policies import NAMESPACED, Policy
from oomwarden.core.scoring import Floor, Target, target_for


class Switch(StrEnum):
    """The one switch of all agents."""

    ENFORCE = "Enforce"
    PAUSE = "Pause"
    RELEASE = "Release"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The score that the runtime gave a container, and the values that we gave its processes.

    `value` None: not known, the store was lost; `ours` then begins with what its first process
    held. None and no `ours`: the first process had given itself a score out of the range.
    """

    value: int | None
    ours: frozenset[int] = frozenset()

    def with_ours(self, score: int) -> "Baseline":
        """Add a value that is about to be written."""
        return Baseline(self.value, self.ours | {score})

    def settled(self, target: int) -> "Baseline":
        """Forget the values that no process holds after a scan that reached its end.

        With an unknown baseline they stay: the runtime gives its own value to exec'd processes.
        """
        if self.value is None:
            return self
        return Baseline(self.value, frozenset({target} - {self.value}))


@dataclass(frozen=True, slots=True)
class Order:
    """Write `target` to each process that holds one of `movable`; leave all others alone."""

    target: int
    movable: frozenset[int]


class Found(StrEnum):
    """What a process is, by the score that it holds."""

    HOLDS = "Holds"
    MOVABLE = "Movable"
    STARTING = "Starting"
    OWN = "Own"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scan of a container's processes found and did; `holding` are pids.

    `complete`: the last round found nothing left to change. `failures` counts processes that
    could not be read or written; `failure` tells of the first one.
    """

    target: int
    holding: frozenset[int] = frozenset()
    changed: int = 0
    own: int = 0
    starting: int = 0
    failures: int = 0
    failure: str = ""
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """How the policies stand on one container; a target for the winner and for each observer."""

    contest: Contest = field(default_factory=Contest)
    target: Target = field(default_factory=Target)
    observed: tuple[Target, ...] = ()


def evaluate(
    policies: Iterable[Policy], container: str, baseline: int | None, floor: Floor
) -> Standing:
    """Decide a container among the policies that select its pod."""
    found = contest(policies, container)

    def target(entrant: Match) -> Target:
        bound = floor if entrant.policy.kind == NAMESPACED else None
        return target_for(entrant.rule, baseline, bound)

    observed = tuple(target(each) for each in found.observers)
    return Standing(found, target(found.winner) if found.winner else Target(), observed)


def order_for(target: int | None, baseline: Baseline, switch: Switch) -> Order | None:
    """Give what to do to a container: hold the target, put back, or nothing."""
    if switch is Switch.PAUSE:
        return None
    value = baseline.value
    known = frozenset() if value is None else frozenset({value})
    if switch is Switch.ENFORCE and target is not None:
        movable = (baseline.ours | known) - {target}
        return Order(target, movable) if baseline.ours or known else None
    if value is not None and baseline.ours:
        return Order(value, baseline.ours - {value})
    return None


def classify(score: int, order: Order) -> Found:
    """Tell what a process is. Below -997 the runtime has not given its score yet (runc exec)."""
    if score == order.target:
        return Found.HOLDS
    if score in order.movable:
        return Found.MOVABLE
    return Found.STARTING if score < SCORE_MIN else Found.OWN
