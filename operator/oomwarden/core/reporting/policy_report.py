"""What became of the policies on one node: the reports of OOMNode."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from oomwarden.api.oomnode import PolicyReport, Refusal
from oomwarden.core.enforcement.plan import Evaluation, ScanOutcome
from oomwarden.core.enforcement.scan_outcome import of_outcome
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.model.remark import AspectStatus, Remark
from oomwarden.core.policy.matching import Match
from oomwarden.core.policy.policy import Key, Policy

MOST_REFUSALS = 10
"""Refusals told of one policy; the rest is counted."""
MOST_WARNINGS = 3
MOST_TEXT = 1024
"""Characters of a message; policies put text of any length into some."""


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """One live container, how the policies stand on it, and what came of it.

    `troubles` are what keeps the winner from being in force, beside what `outcome` tells. `given`
    is the score of the kubelet, `limit` the memory limit in bytes. `planned` tells for each
    observer what would stand in its way.
    """

    pod: PodFacts
    container: str
    standing: Evaluation
    outcome: ScanOutcome | None = None
    troubles: tuple[Remark, ...] = ()
    given: int | None = None
    limit: int | None = None
    parts: tuple[AspectStatus, ...] = ()
    planned: tuple[tuple[Remark, ...], ...] = ()

    @property
    def enforced(self) -> bool:
        """Whether all that the winner asks for is in force."""
        asked = [part.in_force for part in self.parts if part.in_force is not None]
        if self.standing.target.asks:
            asked.append(self._holds)
        return bool(asked) and all(asked)

    @property
    def _holds(self) -> bool:
        """Whether all processes that are ours to change hold the winner's score."""
        outcome = self.outcome
        return (
            outcome is not None
            and outcome.desired == self.standing.target.desired
            and bool(outcome.holding)
            and not outcome.failures
            and not outcome.stuck
            and not outcome.held_back
            and not outcome.unreached
        )


Warn = Callable[[ContainerStatus, int], tuple[Remark, ...]]
"""What harm a container may do at a score."""


@dataclass(slots=True)
class _Tally:
    pods: int
    matched: int = 0
    enforced: int = 0
    observed: int = 0
    refused: int = 0
    warned: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[Refusal] = field(default_factory=list)

    def refuse(self, item: ContainerStatus, remarks: Sequence[Remark]) -> None:
        """Count a container once, whatever the number of remarks; tell of the first ones."""
        self.refused += bool(remarks)
        room = MOST_REFUSALS - len(self.refusals)
        self.refusals += [_told(item, remark) for remark in remarks[:room]]

    def warn(self, item: ContainerStatus, score: int | None, harm: Warn) -> None:
        """Count a container once, whatever the number of remarks; tell of the first ones."""
        remarks = () if score is None else harm(item, score)
        self.warned += bool(remarks)
        room = MOST_WARNINGS - len(self.warnings)
        self.warnings += [_told(item, remark) for remark in remarks[:room]]


def _told(item: ContainerStatus, remark: Remark) -> Refusal:
    return Refusal(
        pod=f"{item.pod.namespace}/{item.pod.name}",
        container=item.container,
        reason=remark.reason,
        message=_short(remark.message),
    )


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 3]}..."


def reports(
    policies: Mapping[Key, Policy],
    pods: Mapping[Key, int],
    items: Iterable[ContainerStatus],
    unreadable: Mapping[Key, str],
    warn: Warn = lambda *_: (),
) -> tuple[PolicyReport, ...]:
    """Report each policy that selects pods of this node, and each that cannot be read.

    Args:
        policies: All that can be read.
        pods: How many of this node's pods each policy selects.
        items: The live containers.
        unreadable: Why a policy cannot be read.
        warn: What harm a container may do under its winner, or an observer.
    """
    tallies = {key: _Tally(count) for key, count in pods.items() if count and key in policies}
    for item in sorted(items, key=lambda each: (each.pod.namespace, each.pod.name, each.container)):
        _count(item, tallies, warn)
    told = [_report(policies[key], tally) for key, tally in tallies.items()]
    told += [_not_read(key, why) for key, why in unreadable.items()]
    return tuple(sorted(told, key=lambda each: (each.kind, each.namespace or "", each.name)))


def _count(item: ContainerStatus, tallies: dict[Key, _Tally], warn: Warn) -> None:
    contest = item.standing.contest
    winner = contest.winner
    if winner is not None and (tally := tallies.get(winner.policy.key)):
        tally.matched += 1
        tally.enforced += item.enforced
        tally.refuse(item, _remarks(winner, item))
        score = item.standing.target.lowest if item.enforced else None
        tally.warn(item, score, warn)
    _count_observers(item, tallies, warn)
    overridden = [_overridden(winner.policy)] if winner is not None else []
    for loser in contest.losers if winner is not None else ():
        if tally := tallies.get(loser.key):
            tally.matched += 1
            tally.refuse(item, overridden)


def _count_observers(item: ContainerStatus, tallies: dict[Key, _Tally], warn: Warn) -> None:
    contest, targets = item.standing.contest, item.standing.observed
    planned = item.planned or repeat(())
    for match, target, stands in zip(contest.observers, targets, planned, strict=False):
        if tally := tallies.get(match.policy.key):
            tally.matched += 1
            tally.observed += target.asks or bool(match.rule.memory or match.rule.on_oom)
            tally.refuse(item, (*target.remarks, *_unknown(match.policy), *stands))
            tally.warn(item, target.lowest, warn)


def _remarks(winner: Match, item: ContainerStatus) -> list[Remark]:
    target = item.standing.target
    found = [*target.remarks, *item.troubles, *_unknown(winner.policy)]
    found += [remark for part in item.parts for remark in part.remarks]
    if item.outcome is not None and item.outcome.desired == target.desired:
        found += of_outcome(item.outcome)
    return found


def _unknown(policy: Policy) -> tuple[Remark, ...]:
    if not policy.unknown:
        return ()
    what = f"This node's agent is too old for {', '.join(policy.unknown)}: upgrade it."
    return (Remark("UnknownField", what),)


def _overridden(winner: Policy) -> Remark:
    order = "by kind (ClusterOOMPolicy first, unless overridable), priority, name"
    return Remark("Overridden", f"{winner} wins this container whole: {order}.")


def _report(policy: Policy, tally: _Tally) -> PolicyReport:
    return PolicyReport(
        kind=policy.kind,
        namespace=policy.namespace,
        name=policy.name,
        observed_generation=policy.generation,
        pods=tally.pods,
        matched=tally.matched,
        enforced=tally.enforced,
        observed=tally.observed,
        refused=tally.refused,
        warned=tally.warned,
        refusals=tuple(tally.refusals),
        warnings=tuple(tally.warnings),
    )


def _not_read(key: Key, why: str) -> PolicyReport:
    """Report a policy of another version; generation 0: nothing of it was taken."""
    message = (
        f"This agent cannot read the policy: {why}. Are the agent and the CRDs of one version?"
    )
    return void(key, 0, "Unreadable", _short(message))


def void(key: Key, generation: int, reason: str, message: str) -> PolicyReport:
    """Report a policy that is in force nowhere on this node."""
    kind, namespace, name = key
    refusal = Refusal(pod="", container="", reason=reason, message=message)
    return PolicyReport(
        kind=kind,
        namespace=namespace or None,
        name=name,
        observed_generation=generation,
        refusals=(refusal,),
    )
