"""What changes of policies do to each container: the same decisions as the agents make."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct, field

from oomwarden.core.enforcement.evaluation import Evaluation, evaluate
from oomwarden.core.enforcement.group_kill import INEFFECTIVE
from oomwarden.core.enforcement.scoring import Target
from oomwarden.core.limits.desired_limit import LimitContext
from oomwarden.core.model.pod import ContainerFacts
from oomwarden.core.model.remark import Remarks
from oomwarden.core.policy.matching import Match
from oomwarden.core.policy.policy import Policy, PolicyKey
from oomwarden.core.policy_preview.cluster_state import (
    ClusterState,
    PlannedNode,
    PlannedPod,
    PolicyChange,
    changed,
)
from oomwarden.core.policy_preview.container_settings import (
    ContainerSettings,
    estimated_score,
    obstacles,
    settings_under,
)


class PlanResult(StrEnum):
    """What a policy does to a container."""

    CHANGE = "Change"
    STAY = "Stay"
    REFUSED = "Refused"
    INEFFECTIVE = "Ineffective"
    OVERRIDDEN = "Overridden"
    OBSERVED = "Observed"


class ContainerPreview(Struct, frozen=True):
    """What one changed policy does to one container.

    Attributes:
        pod: The pod.
        container: The container's name.
        policy: The changed policy.
        result: What it does.
        before: What holds now.
        after: What holds then; for a policy that observes, what would hold if it enforced.
        remarks: What stands in the way, in the words of the agent.
    """

    pod: PlannedPod
    container: str
    policy: PolicyKey
    result: PlanResult
    before: ContainerSettings
    after: ContainerSettings
    remarks: Remarks = ()


class _Comparison(Struct, frozen=True):
    """One container, and how the policies stand on it before and after the changes."""

    pod: PlannedPod
    container: ContainerFacts
    node: PlannedNode
    baseline: int | None
    before: Evaluation
    after: Evaluation

    @property
    def context(self) -> LimitContext:
        return LimitContext(self.pod.facts, self.container)

    def settings(self, evaluation: Evaluation) -> ContainerSettings:
        """Return what holds under the policy that governs."""
        return self.under(evaluation.selection.winner, evaluation.target)

    def under(self, match: Match | None, target: Target) -> ContainerSettings:
        """Return what holds if this policy governs."""
        return settings_under(self.context, self.node, self.baseline, match, target)

    def obstacles(self, match: Match, target: Target) -> Remarks:
        """Return what would keep this policy from being in force."""
        return obstacles(self.context, self.pod, self.node, match, target)


class Preview(Struct):
    """Compares the policies that exist with those after the changes.

    Attributes:
        state: The cluster.
        changes: The policies that are applied or deleted.
    """

    state: ClusterState
    changes: tuple[PolicyChange, ...]
    _evaluations: dict[tuple[object, ...], Evaluation] = field(default_factory=dict)

    def containers(self) -> Iterator[ContainerPreview]:
        """Yield what each change does to each container that it concerns."""
        before = self.state.policies
        after = changed(before, self.changes)
        for pod in self.state.pods:
            now = tuple(each for each in before if self.state.selects(each, pod))
            then = tuple(each for each in after if self.state.selects(each, pod))
            for container in pod.containers if now or then else ():
                yield from self._previews(self._case(pod, container, now, then))

    def _case(
        self,
        pod: PlannedPod,
        container: ContainerFacts,
        now: tuple[Policy, ...],
        then: tuple[Policy, ...],
    ) -> _Comparison:
        node = self.state.node_of(pod)
        baseline = estimated_score(pod.facts, container, node.capacity)
        before, after = (self._evaluate(each, container.name, baseline) for each in (now, then))
        return _Comparison(pod, container, node, baseline, before, after)

    def _evaluate(
        self, policies: tuple[Policy, ...], container: str, baseline: int | None
    ) -> Evaluation:
        """Evaluate once for all replicas of a pod."""
        key = (tuple(map(id, policies)), container, baseline)
        if key not in self._evaluations:
            self._evaluations[key] = evaluate(policies, container, baseline, self.state.floor)
        return self._evaluations[key]

    def _previews(self, case: _Comparison) -> Iterator[ContainerPreview]:
        for key in dict.fromkeys(each.key for each in self.changes):
            if (found := self._preview(case, key)) is not None:
                yield found

    def _preview(self, case: _Comparison, key: PolicyKey) -> ContainerPreview | None:
        """Return what one change does to a container; None if it does not concern it."""
        chosen, won = case.after.selection, case.before.selection.winner
        now, then = case.settings(case.before), case.settings(case.after)
        parts = (case.pod, case.container.name, key)
        if chosen.winner is not None and chosen.winner.policy.key == key:
            remarks = case.obstacles(chosen.winner, case.after.target)
            return ContainerPreview(*parts, _result(now, then, remarks), now, then, remarks)
        for match, target in zip(chosen.observers, case.after.observed, strict=True):
            if match.policy.key == key:
                would, remarks = case.under(match, target), case.obstacles(match, target)
                return ContainerPreview(*parts, PlanResult.OBSERVED, now, would, remarks)
        if any(each.key == key for each in chosen.losers):
            return ContainerPreview(*parts, PlanResult.OVERRIDDEN, now, then)
        if won is not None and won.policy.key == key:
            return ContainerPreview(*parts, _result(now, then, ()), now, then)
        return None


def _result(now: ContainerSettings, then: ContainerSettings, remarks: Remarks) -> PlanResult:
    if any(each != INEFFECTIVE for each in remarks):
        return PlanResult.REFUSED
    if remarks:
        return PlanResult.INEFFECTIVE
    return PlanResult.STAY if now.effect == then.effect else PlanResult.CHANGE


def selected_pods(state: ClusterState, policy: Policy) -> Iterable[PlannedPod]:
    """Yield the pods that a policy selects, whatever its rules match."""
    return (pod for pod in state.pods if state.selects(policy, pod))
