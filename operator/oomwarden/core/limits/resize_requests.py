"""The agents' requests for memory limits, and when the operator handles each of them (again)."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct, field

from oomwarden.api.oomnode import Refusal, Resize
from oomwarden.core.limits.fair_queue import FairQueue

MAX_REQUESTS_PER_NODE = 50
"""Limit of the OOMNode schema. Further requests wait."""
MAX_TEXT = 1024
"""Characters of a request's names, each of which has at most 253."""
Policy = TypeVar("Policy")


class RequestOutcome(Struct, Generic[Policy], frozen=True):
    """What became of a request.

    Attributes:
        due: When to handle the request again, in seconds of the operator's clock.
        refusal: What to report in a policy's status, and the policy.
        refusal_count: How often the request was refused so far.
        is_new: The request has not been handled yet.
    """

    due: float
    refusal: tuple[Policy, Refusal] | None = None
    refusal_count: int = 0
    is_new: bool = False


class ResizeRequestQueue(Struct, Generic[Policy]):
    """All requests by node. A change of one node costs work for that node's requests alone.

    Nodes take turns, one request each. Within a node, new and old requests take turns.
    """

    _by_node: dict[str, dict[Resize, RequestOutcome[Policy]]] = field(default_factory=dict)
    _refusals: dict[Policy, dict[tuple[str, Resize], Refusal]] = field(default_factory=dict)
    _turns: FairQueue[str] = field(default_factory=FairQueue)
    _old_next: set[str] = field(default_factory=set)
    _busy: set[str] = field(default_factory=set)

    def replace(self, node: str, wanted: Sequence[Resize], now: float) -> set[Policy]:
        """Replace a node's requests.

        Returns:
            The policies whose refusals have changed.
        """
        before = self._by_node.pop(node, {})
        requests = [each for each in dict.fromkeys(wanted) if is_within_bounds(each)][
            :MAX_REQUESTS_PER_NODE
        ]
        gone = [
            self._forget_refusal(node, each, before[each]) for each in before.keys() - set(requests)
        ]
        if requests:
            new: RequestOutcome[Policy] = RequestOutcome(now, is_new=True)
            self._by_node[node] = {each: before.get(each, new) for each in requests}
        else:
            self._old_next.discard(node)
            self._turns.drop(node)
        if node not in self._busy:
            self._schedule(node, now)
        return {policy for policy in gone if policy is not None}

    def done(self, node: str, now: float) -> None:
        """End a node's turn. Its next one comes after the turns of other nodes."""
        self._busy.discard(node)
        self._schedule(node, now)

    def _schedule(self, node: str, now: float) -> None:
        due = min((each.due for each in self._by_node.get(node, {}).values()), default=None)
        if due is not None:
            self._turns.put(node, max(due, now))

    def next(self, now: float) -> tuple[str, Resize] | None:
        """Start a turn: return a node and one of its requests. Call `done` to end the turn."""
        while (node := self._turns.pop(now)) is not None:
            found = self._by_node.get(node, {})
            due = [(request, each) for request, each in found.items() if each.due <= now]
            if not due:  # what was due was withdrawn
                self._schedule(node, now)
                continue
            old_first = node in self._old_next
            request, chosen = min(due, key=lambda one: (one[1].is_new == old_first, one[1].due))
            (self._old_next.add if chosen.is_new else self._old_next.discard)(node)
            self._busy.add(node)
            return node, request
        return None

    def next_due(self) -> float:
        """Return when the next turn is due; infinity if there is none."""
        return self._turns.next_due()

    def count_due(self, now: float) -> int:
        """Return how many requests wait to be handled."""
        outcomes = (each for requests in self._by_node.values() for each in requests.values())
        return sum(each.due <= now for each in outcomes)

    def get(self, node: str, request: Resize) -> RequestOutcome[Policy] | None:
        """Return the outcome of a request; None if the node no longer asks for it."""
        return self._by_node.get(node, {}).get(request)

    def record_outcome(
        self, node: str, request: Resize, outcome: RequestOutcome[Policy]
    ) -> set[Policy]:
        """Record the outcome of a request.

        Returns:
            The policies whose refusals have changed.
        """
        before = self.get(node, request)
        if before is None:
            return set()  # withdrawn while it was handled
        self._by_node[node][request] = outcome
        if before.refusal == outcome.refusal:
            return set()
        was, now = self._forget_refusal(node, request, before), None
        if outcome.refusal is not None:
            now, refusal = outcome.refusal
            self._refusals.setdefault(now, {})[node, request] = refusal
        return {policy for policy in (was, now) if policy is not None}

    def refusals(self, policy: Policy) -> tuple[Refusal, ...]:
        """Return the refusals to report under a policy."""
        return tuple(self._refusals.get(policy, {}).values())

    def _forget_refusal(
        self, node: str, request: Resize, outcome: RequestOutcome[Policy]
    ) -> Policy | None:
        if outcome.refusal is None:
            return None
        policy, _ = outcome.refusal
        refusals = self._refusals.get(policy, {})
        refusals.pop((node, request), None)
        if not refusals:
            self._refusals.pop(policy, None)
        return policy


def is_within_bounds(request: Resize) -> bool:
    """Return whether the names in a request are short enough to be names of objects."""
    texts = (request.namespace, request.pod, request.uid, request.container, request.policy)
    return sum(map(len, texts)) <= MAX_TEXT
