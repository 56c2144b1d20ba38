"""What policies make of one container: score, limit, group kill, and what stands in the way."""

from msgspec import Struct

from oomwarden.api.policy import QOSClass
from oomwarden.api.vocabulary import SCORE_MAX, SCORE_MIN
from oomwarden.core.enforcement.group_kill import GroupKillSpec, GroupKillState, observed_remarks
from oomwarden.core.enforcement.kubelet_score import kubelet_score
from oomwarden.core.enforcement.scoring import BASELINE_UNKNOWN, Target
from oomwarden.core.limits.desired_limit import (
    LimitContext,
    evaluate_limit,
    observed_limit_remarks,
)
from oomwarden.core.limits.limit_remarks import RESIZE_ASKED
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.remark import Remark, Remarks
from oomwarden.core.policy.matching import Match
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.core.policy.process_rules import ProcessTargets
from oomwarden.core.policy_preview.cluster_state import PlannedNode, PlannedPod

NODE_CRITICAL = "system-node-critical"
NODE_UNKNOWN = Remark(
    "NodeUnknown",
    "The kubelet's score of a Burstable container depends on the RAM of its node, which is not "
    "known: name it with --node-memory (or --nodes), or run the command with the right to get "
    "nodes.",
)


class ContainerSettings(Struct, frozen=True):
    """What holds on a container.

    Attributes:
        policy: The policy that governs it; None if there is none.
        score: oom_score_adj; None if it is not known.
        is_estimated: The score follows from the kubelet's formula, and was not read.
        limit: Memory limit in bytes; None for no limit.
        group_kill: memory.oom.group.
        processes: Scores by command line.
        raised_to: The limit up to which onOOM raises; empty for none.
    """

    policy: PolicyKey | None
    score: int | None
    is_estimated: bool
    limit: int | None
    group_kill: bool = True
    processes: ProcessTargets = ()
    raised_to: str = ""

    @property
    def effect(self) -> tuple[object, ...]:
        """What the kernel and the kubelet see of it."""
        return (self.score, self.limit, self.group_kill, self.processes, self.raised_to)


def estimated_score(pod: PodFacts, container: ContainerFacts, capacity: int | None) -> int | None:
    """Return the score that the kubelet gives a container; None if the node is not known.

    Source: kubernetes pkg/kubelet/qos/policy.go, GetContainerOOMScoreAdjust (v1.37).
    """
    if pod.priority_class == NODE_CRITICAL or pod.qos is QOSClass.GUARANTEED:
        return SCORE_MIN
    if pod.qos is QOSClass.BEST_EFFORT:
        return SCORE_MAX
    return None if capacity is None else kubelet_score(pod, container, capacity)


def settings_under(
    context: LimitContext,
    node: PlannedNode,
    baseline: int | None,
    match: Match | None,
    target: Target,
) -> ContainerSettings:
    """Return what holds on a container once a policy is in force.

    Args:
        context: The container.
        node: Its node.
        baseline: The kubelet's score; None if it is not known.
        match: The policy that governs it; None for no policy.
        target: The scores that it asks for.
    """
    memory = match.rule.memory if match and node.cgroup_writes is not False else None
    request = evaluate_limit(context, match, EnforcementMode.ENFORCE).request
    group_kill = memory.group_kill if memory else None  # the kubelet's default is true
    raising = match.rule.on_oom.raise_limit if match and match.rule.on_oom else None
    asked = match.rule.oom_score_adj if match else None
    return ContainerSettings(
        policy=match.policy.key if match else None,
        score=baseline if target.score is None else target.score,
        is_estimated=target.score is None or target.score != asked,
        limit=request.limit if request else context.spec_limit,
        group_kill=True if group_kill is None else group_kill,
        processes=target.processes,
        raised_to=raising.up_to if raising else "",
    )


def obstacles(
    context: LimitContext, pod: PlannedPod, node: PlannedNode, match: Match, target: Target
) -> Remarks:
    """Return what would keep a policy from being in force, in the words of the agent."""
    memory = match.rule.memory
    spec = GroupKillSpec(memory.group_kill if memory else None, bool(match.rule.processes))
    group = observed_remarks(
        spec, GroupKillState(current=True), writes=node.cgroup_writes is not False
    )
    limit = observed_limit_remarks(context, match)
    scores = (NODE_UNKNOWN if each == BASELINE_UNKNOWN else each for each in target.remarks)
    found = (*scores, *limit, *group, *_no_agent(pod, node))
    return tuple(each for each in found if each.reason != RESIZE_ASKED)


def _no_agent(pod: PlannedPod, node: PlannedNode) -> Remarks:
    if node.has_agent is not False or not pod.node:
        return ()
    what = (
        f"No agent reports from the node {pod.node} (it has no OOMNode), so nothing is in force "
        "there: check that the agents' DaemonSet tolerates the node's taints."
    )
    return (Remark("NoAgent", what),)
