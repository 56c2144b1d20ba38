"""memory.limit and onOOM: what this node's agent asks of the operator, which alone may resize pods.

Nothing is done here: what is asked stands in OOMNode.status.resizes until the pod's spec has it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from oomwarden.agent.enforcement.caps import Caps
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.informers.limits import LimitCache
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.desired_limit import (
    LimitContext,
    LimitDecision,
    ResizeRequest,
    evaluate_limit,
    is_to_go_back,
    planned,
)
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.model.remark import AspectStatus, Remark, Remarks
from oomwarden.core.policy.matching import Match

MOST_ASKED = 50
TURN_SECONDS = 120.0
_WAITS = Remark(
    "ResizeWaits",
    f"memory.limit waits: a node asks for {MOST_ASKED} resizes at a time; it goes on by itself.",
)

Asked = tuple[tuple[Resize, ...], int]
"""What is asked, and how many more wait."""


@dataclass(slots=True)
class ResizeRequests:
    """Judges all containers when the node reports; `asked` is what came of it last."""

    inventory: Inventory
    caps: Callable[[], Caps]
    asked: Asked = ((), 0)
    book: LimitCache = field(default_factory=LimitCache)
    _found: Mapping[int, LimitDecision] = field(default_factory=dict)

    def look(self, charges: Iterable[TrackedContainer], mode: EnforcementMode | None) -> None:
        """Judge anew."""
        live = list(charges)
        found = {each.container.cgroup.inode: self._judge(each, mode) for each in live}
        self._found = found
        asks = [
            (_resize(held, ask), charge.container.cgroup.inode)
            for charge in live
            if (ask := found[charge.container.cgroup.inode].ask)
            and (held := self._held(charge.container))
        ]
        asks.sort(key=lambda each: (each[0].namespace, each[0].pod, each[0].container))
        asks = in_turn(asks, int(self.caps().now() // TURN_SECONDS))
        waiting = asks[MOST_ASKED:]
        found |= {inode: found[inode].held_back(_WAITS) for _, inode in waiting}
        self.asked = tuple(resize for resize, _ in asks[:MOST_ASKED]), len(waiting)

    def part(self, charge: TrackedContainer) -> AspectStatus:
        """Tell what became of what a container's winner says, as it was judged last."""
        found = self._found.get(charge.container.cgroup.inode)
        return found.part if found else AspectStatus()

    def planned(self, container: Container, observers: Sequence[Match]) -> list[Remarks]:
        """Tell for each policy that only observes what would stand in its way."""
        held = self._held(container) if observers else None
        return [planned(held, each) if held else () for each in observers]

    def ours(self) -> frozenset[int]:
        """Give the containers, by inode, with a limit of ours that can be put back."""
        return frozenset(
            inode
            for inode, container in self.inventory.containers.items()
            if (held := self._held(container)) and is_to_go_back(held.container)
        )

    def _judge(self, charge: TrackedContainer, mode: EnforcementMode | None) -> LimitDecision:
        held = self._held(charge.container)
        if held is None or (charge.decision is None and mode is not EnforcementMode.RELEASE):
            return LimitDecision()
        winner = charge.decision.standing.contest.winner if charge.decision else None
        found = evaluate_limit(held, winner, mode)
        if found.ask is None or not found.ask.policy:
            return found
        why = self.caps().hold_up(charge.container)
        return found.held_back(why) if why else found

    def _held(self, container: Container) -> LimitContext | None:
        pod, facts = self.inventory.pod(container.cgroup), self.inventory.container(container)
        if pod is None or facts is None:
            return None
        usage = container.memory.usage if container.memory else None
        return LimitContext(pod, self.book.evidenced(pod, facts), usage)


def in_turn(asks: Sequence[tuple[Resize, int]], turn: int) -> list[tuple[Resize, int]]:
    """Put those first that put back, then the others, each turn beginning with other ones.

    Where the API server refuses the first ones again and again, the others come to their turn.
    """
    back = [each for each in asks if not each[0].policy]
    others = [each for each in asks if each[0].policy]
    room = max(MOST_ASKED - len(back), 1)
    begin = turn * room % len(others) if len(others) > room else 0
    return [*back, *others[begin:], *others[:begin]]


def _resize(held: LimitContext, ask: ResizeRequest) -> Resize:
    pod = held.pod
    return Resize(
        namespace=pod.namespace,
        pod=pod.name,
        uid=pod.uid,
        container=held.container.name,
        limit=exact_quantity(ask.limit),
        policy=ask.policy,
    )
