"""What the nodes' agents ask of the operator, and when each ask is to be looked at (again)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from oomwarden.api.oomnode import Refusal, Resize
from oomwarden.core.limits.turns import FairQueue

MOST_OF_A_NODE = 50
"""As an OOMNode has at most; what is beyond waits."""
MOST_TEXT = 1024
"""Characters of an ask's names, each of which has 253 at most."""
Policy = TypeVar("Policy")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Policy]):
    """What became of an ask, to be looked at again when it is `due`; told under a policy."""

    due: float
    told: tuple[Policy, Refusal] | None = None
    refusals: int = 0
    fresh: bool = False


@dataclass(slots=True)
class ResizeRequestQueue(Generic[Policy]):
    """All asks by node. A word of one node costs work for that node's asks alone.

    Nodes take turns, one ask each; of a node's own asks new ones and old ones take turns.
    """

    _by_node: dict[str, dict[Resize, Answer[Policy]]] = field(default_factory=dict)
    _told: dict[Policy, dict[tuple[str, Resize], Refusal]] = field(default_factory=dict)
    _turns: FairQueue[str] = field(default_factory=FairQueue)
    _old_next: set[str] = field(default_factory=set)
    _busy: set[str] = field(default_factory=set)

    def take(self, node: str, asked: Sequence[Resize], now: float) -> set[Policy]:
        """Take what a node asks for now, and give the policies of which other things are told."""
        before = self._by_node.pop(node, {})
        asks = [each for each in dict.fromkeys(asked) if is_short(each)][:MOST_OF_A_NODE]
        gone = [self._untell(node, each, before[each]) for each in before.keys() - set(asks)]
        if asks:
            new: Answer[Policy] = Answer(now, fresh=True)
            self._by_node[node] = {each: before.get(each, new) for each in asks}
        else:
            self._old_next.discard(node)
            self._turns.drop(node)
        if node not in self._busy:
            self._turn_of(node, now)
        return {policy for policy in gone if policy is not None}

    def again(self, node: str, now: float) -> None:
        """Take back a turn that was given; the node's next one comes behind those of others."""
        self._busy.discard(node)
        self._turn_of(node, now)

    def _turn_of(self, node: str, now: float) -> None:
        due = min((each.due for each in self._by_node.get(node, {}).values()), default=None)
        if due is not None:
            self._turns.put(node, max(due, now))

    def next(self, now: float) -> tuple[str, Resize] | None:
        """Give whose turn it is, and what of theirs; the node has no other turn before `again`."""
        while (node := self._turns.take(now)) is not None:
            found = self._by_node.get(node, {})
            due = [(ask, each) for ask, each in found.items() if each.due <= now]
            if not due:  # what was due is no longer asked
                self._turn_of(node, now)
                continue
            old_first = node in self._old_next
            ask, chosen = min(due, key=lambda one: (one[1].fresh == old_first, one[1].due))
            (self._old_next.add if chosen.fresh else self._old_next.discard)(node)
            self._busy.add(node)
            return node, ask
        return None

    def soonest(self) -> float:
        """Tell when the next turn is due; infinity: there is none."""
        return self._turns.soonest()

    def get(self, node: str, ask: Resize) -> Answer[Policy] | None:
        """Give what became of an ask; None: it is no longer asked."""
        return self._by_node.get(node, {}).get(ask)

    def answer(self, node: str, ask: Resize, answer: Answer[Policy]) -> set[Policy]:
        """Keep what became of an ask, and give the policies of which other things are told."""
        before = self.get(node, ask)
        if before is None:
            return set()  # withdrawn while it was looked at
        self._by_node[node][ask] = answer
        if before.told == answer.told:
            return set()
        was, now = self._untell(node, ask, before), None
        if answer.told is not None:
            now, refusal = answer.told
            self._told.setdefault(now, {})[node, ask] = refusal
        return {policy for policy in (was, now) if policy is not None}

    def refusals(self, policy: Policy) -> tuple[Refusal, ...]:
        """Give what is to be told under a policy."""
        return tuple(self._told.get(policy, {}).values())

    def _untell(self, node: str, ask: Resize, answer: Answer[Policy]) -> Policy | None:
        if answer.told is None:
            return None
        policy, _ = answer.told
        told = self._told.get(policy, {})
        told.pop((node, ask), None)
        if not told:
            self._told.pop(policy, None)
        return policy


def is_short(ask: Resize) -> bool:
    """Whether an ask can be about an object at all: names have bounds."""
    texts = (ask.namespace, ask.pod, ask.uid, ask.container, ask.policy)
    return sum(map(len, texts)) <= MOST_TEXT
