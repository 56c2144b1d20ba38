"""The preview summed up: per workload, per policy, and in total."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from oomwarden.api.policy import Mode
from oomwarden.core.model.remark import Remark
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.core.policy_preview.cluster_state import ClusterState, PolicyChange
from oomwarden.core.policy_preview.near_misses import why_nothing
from oomwarden.core.policy_preview.preview import (
    ContainerPreview,
    PlanResult,
    Preview,
    selected_pods,
)


class WorkloadPreview(Struct, frozen=True):
    """What one policy does to a container of the replicas of one workload.

    Attributes:
        namespace: The namespace.
        workload: The owner of the pods, such as Deployment/api.
        containers: The containers; what is done to them is the same, apart from estimated scores.
    """

    namespace: str
    workload: str
    containers: tuple[ContainerPreview, ...]

    @property
    def first(self) -> ContainerPreview:
        """One of the containers."""
        return self.containers[0]


class PolicySummary(Struct, frozen=True):
    """What one policy does in total.

    Attributes:
        change: The policy.
        pods: How many pods it selects.
        results: How many containers by result.
        nothing: Why it has no effect at all; empty if it has one.
    """

    change: PolicyChange
    pods: int
    results: Counter[PlanResult]
    nothing: str

    @property
    def observes(self) -> bool:
        """Whether the policy only observes."""
        return self.change.policy.spec.mode is Mode.OBSERVE


class PlanReport(Struct, frozen=True):
    """What changes of policies do.

    Attributes:
        containers: By namespace, pod and container.
        workloads: The same by workload.
        policies: In the order of the changes.
        notes: What was assumed, because it is not known.
    """

    containers: tuple[ContainerPreview, ...]
    workloads: tuple[WorkloadPreview, ...]
    policies: tuple[PolicySummary, ...]
    notes: tuple[str, ...] = ()

    @property
    def results(self) -> Counter[PlanResult]:
        """How many containers by result."""
        return Counter(each.result for each in self.containers)

    def remarks(self) -> list[tuple[Remark, list[WorkloadPreview]]]:
        """Return what stands in the way, each with the workloads that it concerns."""
        found: dict[Remark, list[WorkloadPreview]] = {}
        for workload in self.workloads:
            seen = dict.fromkeys(one for each in workload.containers for one in each.remarks)
            for remark in seen:
                found.setdefault(remark, []).append(workload)
        return list(found.items())


def plan_report(
    state: ClusterState, changes: Iterable[PolicyChange], notes: Iterable[str] = ()
) -> PlanReport:
    """Evaluate changes of policies, and sum up what they do.

    Args:
        state: The cluster.
        changes: The policies that are applied or deleted.
        notes: What is not known of the cluster.
    """
    last = {each.key: each for each in changes}
    found = sorted(Preview(state, tuple(last.values())).containers(), key=_place)
    policies = tuple(_summary(state, each, found) for each in last.values())
    lowered = any(_is_lowered(each) for each in found)
    more = [_LOWERED] if lowered else []
    return PlanReport(tuple(found), tuple(_workloads(found)), policies, (*notes, *more))


_LOWERED = (
    "what the containers use now is not known here: a limit that is lowered is set once a "
    "container uses less (BelowUsage)"
)


def _is_lowered(each: ContainerPreview) -> bool:
    now, then = each.before.limit, each.after.limit
    return then is not None and (now is None or then < now)


def _place(each: ContainerPreview) -> tuple[str, str, str, str]:
    facts = each.pod.facts
    return (facts.namespace, _workload(each), facts.name, each.container)


def _workload(each: ContainerPreview) -> str:
    owner = each.pod.facts.owner
    return f"{owner.kind}/{owner.name}" if owner else f"Pod/{each.pod.facts.name}"


def _workloads(found: Iterable[ContainerPreview]) -> Iterable[WorkloadPreview]:
    groups: dict[tuple[object, ...], list[ContainerPreview]] = {}
    for each in found:
        groups.setdefault(_group(each), []).append(each)
    for members in groups.values():
        first = members[0]
        yield WorkloadPreview(first.pod.facts.namespace, _workload(first), tuple(members))


def _group(each: ContainerPreview) -> tuple[object, ...]:
    """Return what replicas have in common: everything but estimated scores and their messages."""
    now, then = each.before, each.after
    scores = [None if one.is_estimated else one.score for one in (now, then)]
    return (
        each.pod.facts.namespace,
        _workload(each),
        each.container,
        each.policy,
        each.result,
        (now.policy, now.effect[1:], then.policy, then.effect[1:], *scores),
        tuple(remark.reason for remark in each.remarks),
    )


def _summary(
    state: ClusterState, change: PolicyChange, found: Iterable[ContainerPreview]
) -> PolicySummary:
    selected = list(selected_pods(state, change.policy))
    results = Counter(each.result for each in found if each.policy == change.key)
    nothing = "" if change.deleted else why_nothing(state, change.policy, selected)
    return PolicySummary(change, len(selected), results, nothing)


def policy_name(key: PolicyKey) -> str:
    """Return the name of a policy for people: OOMPolicy shop/protect-db."""
    return f"{key.kind} {key.namespace}/{key.name}" if key.namespace else f"{key.kind} {key.name}"
