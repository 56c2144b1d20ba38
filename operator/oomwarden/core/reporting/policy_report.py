"""What became of the policies on one node: the reports of OOMNode."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

from msgspec import Struct, field

from oomwarden.api.oomnode import PolicyReport, Refusal
from oomwarden.core.enforcement.evaluation import Evaluation
from oomwarden.core.enforcement.plan import ScanOutcome
from oomwarden.core.enforcement.scan_outcome import outcome_remarks
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.model.remark import AspectStatus, Remark
from oomwarden.core.policy.matching import Match
from oomwarden.core.policy.policy import Policy, PolicyKey

MAX_REFUSALS = 10
"""Refusals named per policy; the others are only counted."""
MAX_WARNINGS = 3
MAX_TEXT = 1024
"""Characters of a message; some contain text of any length from policies."""


class ContainerStatus(Struct, frozen=True):
    """A running container, what the policies ask for on it, and what came of it.

    Attributes:
        pod: Its pod.
        container: Its name.
        evaluation: What the policies ask for.
        outcome: The last scan of its processes.
        remarks: Why the winner is not in force, apart from `outcome`.
        kubelet_score: The kubelet's score.
        limit: Its memory limit in bytes.
        aspects: The status of what the winner asks for besides scores.
        observer_remarks: For each observer, what would keep it from being in force.
    """

    pod: PodFacts
    container: str
    evaluation: Evaluation
    outcome: ScanOutcome | None = None
    remarks: tuple[Remark, ...] = ()
    kubelet_score: int | None = None
    limit: int | None = None
    aspects: tuple[AspectStatus, ...] = ()
    observer_remarks: tuple[tuple[Remark, ...], ...] = ()

    @property
    def enforced(self) -> bool:
        """Return whether everything that the winner asks for is in force."""
        states = [part.in_force for part in self.aspects if part.in_force is not None]
        if self.evaluation.target.is_set:
            states.append(self._scores_in_force)
        return bool(states) and all(states)

    @property
    def _scores_in_force(self) -> bool:
        """Return whether all processes that oomwarden may change have the winner's score."""
        outcome = self.outcome
        return (
            outcome is not None
            and outcome.desired == self.evaluation.target.desired
            and bool(outcome.in_effect)
            and not outcome.failures
            and not outcome.stuck
            and not outcome.rate_limited
            and not outcome.cgroups_skipped
        )


HarmCheck = Callable[[ContainerStatus, int], tuple[Remark, ...]]
"""Returns what harm a container may do at a score."""


class ReportHooks(NamedTuple):
    """What happens beside a report.

    Attributes:
        harm: Returns what harm a container may do at a score.
        refused: Called for each container on which a policy is not in force, with the first reason.
    """

    harm: HarmCheck = lambda *_: ()
    refused: Callable[[PolicyKey, str], None] = lambda *_: None


_NO_HOOKS = ReportHooks()


class _Tally(Struct):
    pods: int
    note: Callable[[str], None]
    matched: int = 0
    enforced: int = 0
    observed: int = 0
    refused: int = 0
    warned: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[Refusal] = field(default_factory=list)

    def refuse(self, item: ContainerStatus, remarks: Sequence[Remark]) -> None:
        """Count a container once, whatever the number of remarks, and name the first remarks."""
        self.refused += bool(remarks)
        if remarks:
            self.note(remarks[0].reason)
        room = MAX_REFUSALS - len(self.refusals)
        self.refusals += [_refusal(item, remark) for remark in remarks[:room]]

    def warn(self, item: ContainerStatus, score: int | None, harm: HarmCheck) -> None:
        """Count a container once, whatever the number of remarks, and name the first remarks."""
        remarks = () if score is None else harm(item, score)
        self.warned += bool(remarks)
        room = MAX_WARNINGS - len(self.warnings)
        self.warnings += [_refusal(item, remark) for remark in remarks[:room]]


def _refusal(item: ContainerStatus, remark: Remark) -> Refusal:
    return Refusal(
        pod=f"{item.pod.namespace}/{item.pod.name}",
        container=item.container,
        reason=remark.reason,
        message=_short(remark.message),
    )


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."


def policy_reports(
    policies: Mapping[PolicyKey, Policy],
    pods: Mapping[PolicyKey, int],
    items: Iterable[ContainerStatus],
    unreadable: Mapping[PolicyKey, str],
    hooks: ReportHooks = _NO_HOOKS,
) -> tuple[PolicyReport, ...]:
    """Report each policy that selects pods of this node, and each invalid policy.

    Args:
        policies: All valid policies.
        pods: How many of this node's pods each policy selects.
        items: The running containers.
        unreadable: Why a policy is invalid.
        hooks: What happens beside it.
    """
    tallies = {
        key: _Tally(count, partial(hooks.refused, key))
        for key, count in pods.items()
        if count and key in policies
    }
    for item in sorted(items, key=lambda each: (each.pod.namespace, each.pod.name, each.container)):
        _count(item, tallies, hooks.harm)
    found = [_report(policies[key], tally) for key, tally in tallies.items()]
    found += [_invalid_report(key, why) for key, why in unreadable.items()]
    return tuple(sorted(found, key=lambda each: (each.kind, each.namespace or "", each.name)))


def _count(item: ContainerStatus, tallies: dict[PolicyKey, _Tally], warn: HarmCheck) -> None:
    selection = item.evaluation.selection
    winner = selection.winner
    if winner is not None and (tally := tallies.get(winner.policy.key)):
        tally.matched += 1
        tally.enforced += item.enforced
        tally.refuse(item, _remarks(winner, item))
        score = item.evaluation.target.lowest if item.enforced else None
        tally.warn(item, score, warn)
    _count_observers(item, tallies, warn)
    overridden = [_overridden(winner.policy)] if winner is not None else []
    for loser in selection.losers if winner is not None else ():
        if tally := tallies.get(loser.key):
            tally.matched += 1
            tally.refuse(item, overridden)


def _count_observers(
    item: ContainerStatus, tallies: dict[PolicyKey, _Tally], warn: HarmCheck
) -> None:
    selection, targets = item.evaluation.selection, item.evaluation.observed
    planned = item.observer_remarks or repeat(())
    for match, target, remarks in zip(selection.observers, targets, planned, strict=False):
        if tally := tallies.get(match.policy.key):
            tally.matched += 1
            tally.observed += target.is_set or bool(match.rule.memory or match.rule.on_oom)
            tally.refuse(item, (*target.remarks, *_unknown(match.policy), *remarks))
            tally.warn(item, target.lowest, warn)


def _remarks(winner: Match, item: ContainerStatus) -> list[Remark]:
    target = item.evaluation.target
    found = [*target.remarks, *item.remarks, *_unknown(winner.policy)]
    found += [remark for part in item.aspects for remark in part.remarks]
    if item.outcome is not None and item.outcome.desired == target.desired:
        found += outcome_remarks(item.outcome)
    return found


def _unknown(policy: Policy) -> tuple[Remark, ...]:
    if not policy.unknown:
        return ()
    what = f"This node's agent is too old for {', '.join(policy.unknown)}: upgrade it."
    return (Remark("UnknownField", what),)


def _overridden(winner: Policy) -> Remark:
    order = "kind (ClusterOOMPolicy first, unless overridable), priority or name"
    return Remark("Overridden", f"{winner} ranks higher by {order}.")


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


def _invalid_report(key: PolicyKey, why: str) -> PolicyReport:
    """Report a policy of another version. Generation 0: nothing of it is in force."""
    message = (
        f"This agent cannot read the policy: {why}. Check that the agent and the CRDs have the "
        "same version."
    )
    return inactive_report(key, 0, "Unreadable", _short(message))


def inactive_report(key: PolicyKey, generation: int, reason: str, message: str) -> PolicyReport:
    """Report a policy that is not in force anywhere on this node."""
    kind, namespace, name = key
    refusal = Refusal(pod="", container="", reason=reason, message=message)
    return PolicyReport(
        kind=kind,
        namespace=namespace or None,
        name=name,
        observed_generation=generation,
        refusals=(refusal,),
    )
