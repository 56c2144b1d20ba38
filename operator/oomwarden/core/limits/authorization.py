"""What the policies grant: the operator checks each limit itself before it patches a pod.

What an agent asks for is only a hint: a stolen agent token can ask for nothing that no policy
grants, or that was not the limit before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from oomwarden.api.oomlimit import Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.desired_limit import is_raised, obstacle, wanted
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.pods.limit_adoption import adoptable
from oomwarden.core.policy.matching import PolicySelection, select_winner, selects
from oomwarden.core.policy.policy import Policy

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ResizeContext:
    """One container as the API server has it now, and all that decides on it.

    `node` is the node that the pod runs on; `pod` and `container` None: gone.
    """

    pod: PodFacts | None
    container: ContainerFacts | None
    node: str
    policies: tuple[Policy, ...]
    switch: EnforcementMode
    namespace_labels: Labels = field(default_factory=dict)
    node_labels: Labels = field(default_factory=dict)

    def select_winner(self) -> PolicySelection:
        """Decide who wins the container."""
        if self.pod is None or self.container is None:
            return PolicySelection()
        labels = (self.namespace_labels, self.node_labels)
        selected = [policy for policy in self.policies if selects(policy, self.pod, *labels)]
        return select_winner(selected, self.container.name)


@dataclass(frozen=True, slots=True)
class LimitWrite:
    """A limit in bytes to be set; `before` is what it was before our first write, None: none."""

    limit: int
    step: Step
    before: int | None


@dataclass(frozen=True, slots=True)
class Denied:
    """Nothing is set. What speaks against an ask says the agent under the policy."""

    why: str


def grant(ask: Resize, node: str, scene: ResizeContext) -> LimitWrite | Denied:
    """Decide on what the agent of `node` asks for."""
    pod, container = scene.pod, scene.container
    if pod is None or pod.uid != ask.uid or container is None:
        return Denied("the pod is gone")
    if scene.node != node:
        return Denied(f"the pod runs on {scene.node or 'no node'}, not on {node}")
    if pod.deleting:
        return Denied("the pod is being deleted")
    if scene.switch is EnforcementMode.PAUSE:
        return Denied("the switch is at Pause")
    if stands := obstacle(pod, container):
        return Denied(stands.message)
    return _granted(parse_bytes(ask.limit), container, scene)


def _granted(limit: int, container: ContainerFacts, scene: ResizeContext) -> LimitWrite | Denied:
    winner = None if scene.switch is EnforcementMode.RELEASE else scene.select_winner().winner
    asked = wanted(winner.rule) if winner else None
    mark = container.spec.writers.mark
    before = mark.before if mark else container.spec.asked
    if limit == container.spec.asked:
        old = adoptable(container, winner.rule, asked) if winner else None
        return LimitWrite(limit, old.step, old.before) if old else Denied("the limit is set")
    if winner is not None and asked is not None:
        other = limit != asked or is_raised(container, winner.rule, limit)
        return _DENIED if other else LimitWrite(limit, Step.LIMIT, before)
    raises = winner is not None and winner.rule.on_oom is not None
    if raises or mark is None or mark.before != limit:
        return _DENIED
    return LimitWrite(limit, Step.LIMIT, limit)


_DENIED = Denied("no policy grants this limit")
