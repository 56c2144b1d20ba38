"""What OOMNode says of policies: how far scores, group kills and limits of each container are.

Everything here reads; nothing is decided, written or counted by a report.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.enforcement.group_kill import GroupKillReconciler
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.enforcement.tracker import Tracker
from oomwarden.agent.reporting.resize_requests import ResizeRequests
from oomwarden.api.oomnode import Applied, OutrankedService, PolicyReport
from oomwarden.core.enforcement.node_services import outranks_node
from oomwarden.core.enforcement.plan import Baseline
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.remark import Remark
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.core.reporting.bounds import left_out_reports
from oomwarden.core.reporting.outranked import OutrankedBy, outranked_list
from oomwarden.core.reporting.policy_report import ContainerStatus, ReportHooks, policy_reports

_RELEASED = Remark(
    "Released",
    "The switch (ConfigMap oomwarden-control in the release's namespace) is at Release: all is put "
    "back, and nothing is enforced until its mode is Enforce.",
)
_PAUSED = Remark(
    "Paused",
    "The switch (ConfigMap oomwarden-control in the release's namespace) is at Pause, or missing: "
    "nothing is changed until its mode is Enforce.",
)
_OWN_FIRST = Remark(
    "OwnScore",
    "The container's first process has given itself a score below -997, and the container is left "
    "alone: take it out of the policy with `containers`.",
)


class PolicyFindings(NamedTuple):
    """What enforcement has found on this node.

    Attributes:
        applied: How many containers and processes are touched.
        policies: What became of each policy.
        outranked: Services of the node that are killed before containers because of policies.
        outranked_left_out: How many more there are.
        reasons: Why policies are not in force, and on how many containers.
    """

    applied: Applied
    policies: tuple[PolicyReport, ...]
    outranked: tuple[OutrankedService, ...] = ()
    outranked_left_out: int = 0
    reasons: Mapping[PolicyKey, Mapping[str, int]] = MappingProxyType({})


class PolicyReporter(Struct, frozen=True):
    """Puts together what the parts of enforcement have found.

    Attributes:
        tracker: The containers and how the policies stand on them.
        baselines: What the runtime gave each container.
        groups: State of `memory.oom.group`.
        requests: State of memory limits.
        outranked_by: Returns the node's services that are killed before a container at a score.
    """

    tracker: Tracker
    baselines: Baselines
    groups: GroupKillReconciler
    requests: ResizeRequests
    outranked_by: OutrankedBy

    def report(self) -> PolicyFindings:
        """Return what is applied on this node, and what became of each policy here."""
        items = [each for each in map(self._status, self.tracker.live()) if each]
        pods, policies = self.tracker.evaluator.pods_per_policy(), self.tracker.view.policies
        reasons: defaultdict[PolicyKey, Counter[str]] = defaultdict(Counter)
        found = policy_reports(
            policies.policies,
            pods,
            items,
            policies.unreadable,
            ReportHooks(self._warn, lambda key, reason: reasons[key].update((reason,))),
        )
        outranked, left_out = outranked_list(items, self.outranked_by)
        return PolicyFindings(
            self._applied(),
            (*found, *left_out_reports(policies.left_out)),
            outranked,
            left_out,
            reasons,
        )

    def _warn(self, item: ContainerStatus, score: int) -> tuple[Remark, ...]:
        services = self.outranked_by(item, score)
        return (outranks_node(score, services),) if services else ()

    def _applied(self) -> Applied:
        touched = self.baselines.applied() | self.groups.applied | self.requests.limited()
        return Applied(containers=len(touched), processes=self.tracker.enforced_processes())

    def _status(self, tracked: TrackedContainer) -> ContainerStatus | None:
        """Return a container's status; None before it was decided on."""
        mode, decision = self.tracker.mode, tracked.decision
        if decision is None:
            return None
        baseline = self.baselines.get(tracked.container)
        observers = decision.evaluation.selection.observers
        groups = self.groups.observed_remarks(tracked.container, observers)
        limits = self.requests.observed_remarks(tracked.container, observers)
        return ContainerStatus(
            decision.pod,
            decision.name,
            decision.evaluation,
            tracked.outcome,
            _troubles(tracked, baseline, mode),
            kubelet_score=baseline.value if baseline else None,
            limit=tracked.container.limit,
            aspects=(self.groups.group_kill_status(tracked, mode), self.requests.part(tracked)),
            observer_remarks=tuple(
                (*one, *other) for one, other in zip(groups, limits, strict=True)
            ),
        )


def _troubles(
    tracked: TrackedContainer, baseline: Baseline | None, mode: EnforcementMode | None
) -> tuple[Remark, ...]:
    """List what keeps the container's plan from being in effect, beside what its scan says."""
    found = [tracked.trouble] if tracked.trouble else []
    if mode is EnforcementMode.RELEASE:
        found.append(_RELEASED)
    if mode is EnforcementMode.PAUSE:
        found.append(_PAUSED)
    if baseline == Baseline(None):
        found.append(_OWN_FIRST)
    return tuple(found)
