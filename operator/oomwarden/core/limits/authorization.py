"""Which limits the policies grant. The operator checks every limit itself before it patches a pod.

An agent's request is only a hint: a stolen agent token can request nothing but limits that a policy
grants or that the container had before.
"""

from msgspec import Struct, field

from oomwarden.api.oomlimit import Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.desired_limit import is_raised, resize_obstacle, rule_limit
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, Labels, PodFacts
from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.pods.limit_adoption import adoptable_owner
from oomwarden.core.policy.matching import PolicySelection, select_winner, selects
from oomwarden.core.policy.policy import Policy


class ResizeContext(Struct, frozen=True):
    """One container as the API server reports it now, and what decides on its limit.

    Attributes:
        pod: The pod; None if it no longer exists.
        container: The container; None if it no longer exists.
        node: The node that the pod runs on.
        policies: The policies that select the pod.
        mode: The cluster's mode.
        namespace_labels: Labels of the pod's namespace.
        node_labels: Labels of the node.
    """

    pod: PodFacts | None
    container: ContainerFacts | None
    node: str
    policies: tuple[Policy, ...]
    mode: EnforcementMode
    namespace_labels: Labels = field(default_factory=dict)
    node_labels: Labels = field(default_factory=dict)

    def select_winner(self) -> PolicySelection:
        """Select the policy that governs the container."""
        if self.pod is None or self.container is None:
            return PolicySelection()
        labels = (self.namespace_labels, self.node_labels)
        selected = [policy for policy in self.policies if selects(policy, self.pod, *labels)]
        return select_winner(selected, self.container.name)


class LimitWrite(Struct, frozen=True):
    """A limit to set.

    Attributes:
        limit: In bytes.
        step: Which feature sets it.
        before: The limit before oomwarden first changed it, in bytes; None for no limit.
    """

    limit: int
    step: Step
    before: int | None


class Denied(Struct, frozen=True):
    """Nothing is set. The agent reports the reason to users, in the policy's status."""

    reason: str


def authorize(request: Resize, node: str, context: ResizeContext) -> LimitWrite | Denied:
    """Decide on a limit that the agent of a node requests.

    Args:
        request: The request.
        node: The node whose agent wrote it.
        context: The container as it is now.
    """
    pod, container = context.pod, context.container
    if pod is None or pod.uid != request.uid or container is None:
        return Denied("the pod no longer exists")
    if context.node != node:
        return Denied(f"the pod runs on {context.node or 'no node'}, not on {node}")
    if pod.deleting:
        return Denied("the pod is being deleted")
    if context.mode is EnforcementMode.PAUSE:
        return Denied("the switch is at Pause")
    if obstacle := resize_obstacle(pod, container):
        return Denied(obstacle.message)
    return _granted(parse_bytes(request.limit), container, context)


def _granted(limit: int, container: ContainerFacts, context: ResizeContext) -> LimitWrite | Denied:
    winner = None if context.mode is EnforcementMode.RELEASE else context.select_winner().winner
    wanted = rule_limit(winner.rule) if winner else None
    owner = container.spec.ownership.owner
    before = owner.before if owner else container.spec.limit
    if limit == container.spec.limit:
        adopted = adoptable_owner(container, winner.rule, wanted) if winner else None
        return (
            LimitWrite(limit, adopted.step, adopted.before)
            if adopted
            else Denied("the limit is set")
        )
    if winner is not None and wanted is not None:
        other = limit != wanted or is_raised(container, winner.rule, limit)
        return _DENIED if other else LimitWrite(limit, Step.LIMIT, before)
    raises = winner is not None and winner.rule.on_oom is not None
    if raises or owner is None or owner.before != limit:
        return _DENIED
    return LimitWrite(limit, Step.LIMIT, limit)


_DENIED = Denied("no policy grants this limit")
