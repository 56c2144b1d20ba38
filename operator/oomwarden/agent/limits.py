"""memory.limit and onOOM: what this node's agent asks of the operator, which alone may resize pods.

Nothing is done here: what is asked stands in OOMNode.status.resizes until the pod's spec has it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from oomwarden.agent.caps import Caps
from oomwarden.agent.charge import Charge
from oomwarden.agent.inventory import Container, Inventory
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits import Ask, Held, Limit, is_to_go_back, judge
from oomwarden.core.plan import Switch
from oomwarden.core.quantity import exact_quantity
from oomwarden.core.reports import Part

MOST_ASKED = 50

Asked = tuple[tuple[Resize, ...], int]
"""What is asked, and how many more wait."""


@dataclass(slots=True)
class Limits:
    """Judges all containers when the node reports; `asked` is what came of it last."""

    inventory: Inventory
    caps: Callable[[], Caps]
    asked: Asked = ((), 0)
    _found: Mapping[int, Limit] = field(default_factory=dict)

    def look(self, charges: Iterable[Charge], mode: Switch | None) -> None:
        """Judge anew."""
        live = list(charges)
        found = {each.container.cgroup.inode: self._judge(each, mode) for each in live}
        self._found = found
        asks = [
            _resize(held, ask)
            for charge in live
            if (ask := found[charge.container.cgroup.inode].ask)
            and (held := self._held(charge.container))
        ]
        asks.sort(key=lambda each: (each.namespace, each.pod, each.container))
        self.asked = tuple(asks[:MOST_ASKED]), max(len(asks) - MOST_ASKED, 0)

    def part(self, charge: Charge) -> Part:
        """Tell what became of what a container's winner says, as it was judged last."""
        found = self._found.get(charge.container.cgroup.inode)
        return found.part if found else Part()

    def ours(self) -> frozenset[int]:
        """Give the containers, by inode, with a limit of ours that can be put back."""
        return frozenset(
            inode
            for inode, container in self.inventory.containers.items()
            if (held := self._held(container)) and is_to_go_back(held.container)
        )

    def _judge(self, charge: Charge, mode: Switch | None) -> Limit:
        held = self._held(charge.container)
        if held is None or (charge.decision is None and mode is not Switch.RELEASE):
            return Limit()
        winner = charge.decision.standing.contest.winner if charge.decision else None
        found = judge(held, winner, mode)
        if found.ask is None or not found.ask.policy:
            return found
        why = self.caps().hold_up(charge.container)
        return found.held_back(why) if why else found

    def _held(self, container: Container) -> Held | None:
        pod, facts = self.inventory.pod(container.cgroup), self.inventory.container(container)
        if pod is None or facts is None:
            return None
        return Held(pod, facts, container.memory.usage if container.memory else None)


def _resize(held: Held, ask: Ask) -> Resize:
    pod = held.pod
    return Resize(
        namespace=pod.namespace,
        pod=pod.name,
        uid=pod.uid,
        container=held.container.name,
        limit=exact_quantity(ask.limit),
        policy=ask.policy,
    )
