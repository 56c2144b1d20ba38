"""memory.limit and onOOM: what this node's agent asks of the operator, which alone may resize pods.

The steps, in order: a decision, a limit or a container's memory has changed -> evaluate the limit
of each container -> take a turn of the node's cap for what is new. Nothing is resized here: what is
asked stands in OOMNode.status.resizes until the pod's spec has it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from oomwarden.agent.enforcement.caps import Caps
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.enforcement.tracker import Tracker
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.runtime.signal import Signal
from oomwarden.agent.runtime.ticks import until_tick
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.desired_limit import (
    LimitContext,
    LimitDecision,
    ResizeRequest,
    evaluate_limit,
    observed_limit_remarks,
    restorable_limit,
)
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.model.remark import AspectStatus, Remark, Remarks
from oomwarden.core.policy.matching import Match

MAX_ASKED = 50
TURN_SECONDS = 120.0
EVALUATE_SECONDS = 10.0
"""Longest time between two evaluations: a container's memory changes without a signal."""
GATHER_SECONDS = 1.0
"""Changes come in groups; one evaluation serves them all. OOMNode waits longer."""
_WAITS = Remark(
    "ResizeWaits",
    f"memory.limit waits: a node asks for {MAX_ASKED} resizes at a time; it goes on by itself.",
)
_NOTHING = LimitDecision()

Asked = tuple[tuple[Resize, ...], int]
"""What is asked, and how many more wait."""


class ResizeRequests(Struct):
    """Evaluates the limits of all containers, and keeps what came of it for the reports.

    Attributes:
        tracker: The containers and how the policies stand on them.
        caps: How many pods may be touched newly in a minute.
        changed: Set when limits have to be evaluated again.
        status_changed: Called when other resizes are asked than before.
        seconds: Longest time between two evaluations.
        asked: What is asked for now.
        progress: Time of the last evaluation (`time.monotonic`).
    """

    tracker: Tracker
    caps: Caps
    changed: Signal
    status_changed: Callable[[], None]
    seconds: float = EVALUATE_SECONDS
    asked: Asked = ((), 0)
    progress: float = 0.0
    _found: Mapping[int, LimitDecision] = field(default_factory=dict)  # no plain `LimitDecision()`
    _watched: frozenset[int] = frozenset()  # what is found there depends on the memory in use
    _quiet: dict[int, tuple[object, ...]] = field(default_factory=dict)
    """Where nothing is asked for, whatever the memory in use: from what that follows, by inode."""

    async def run(self) -> None:
        """Evaluate on changes until cancelled; the first evaluation is the caller's."""
        while True:
            self.progress = time.monotonic()
            is_news = await self.changed.wait(until_tick(self.seconds))
            if not is_news and not self._watched:
                continue
            await asyncio.sleep(GATHER_SECONDS)
            before = (self.asked, self._found)
            self.evaluate(None if is_news else self._watched)
            if (self.asked, self._found) != before:
                self.status_changed()

    def evaluate(self, only: frozenset[int] | None = None) -> None:
        """Evaluate live containers; what is new takes a turn of the node's cap.

        Args:
            only: The containers, by inode, that may have changed; None: all.
        """
        found: dict[int, LimitDecision] = {}
        asks: list[tuple[Resize, int]] = []
        watched = set[int]()
        known = self.tracker.containers
        self._quiet = {inode: basis for inode, basis in self._quiet.items() if inode in known}
        for tracked in self.tracker.live(only):
            inode, basis = tracked.container.cgroup.inode, self._basis(tracked)
            if self._quiet.get(inode) == basis:
                continue
            context = self._context(tracked.container)
            if context is None:
                continue
            decision = self._evaluate(tracked, context)
            if decision == _NOTHING and restorable_limit(context.container) is None:
                self._quiet[inode] = basis
                continue
            self._quiet.pop(inode, None)
            watched.add(inode)
            if decision != _NOTHING:
                found[inode] = decision
            if ask := decision.request:
                asks.append((_resize(context, ask), inode))
        self._watched = frozenset(watched)
        asks.sort(key=lambda each: (each[0].namespace, each[0].pod, each[0].container))
        asks = in_turn(asks, int(self.caps.now() // TURN_SECONDS))
        waiting = asks[MAX_ASKED:]
        found |= {inode: found[inode].deferred(_WAITS) for _, inode in waiting}
        self._found = found
        self.asked = tuple(resize for resize, _ in asks[:MAX_ASKED]), len(waiting)

    def part(self, tracked: TrackedContainer) -> AspectStatus:
        """Return how far the limit is what the container's policy asks for, as last evaluated."""
        found = self._found.get(tracked.container.cgroup.inode)
        return found.status if found else AspectStatus()

    def observed_remarks(self, container: Container, observers: Sequence[Match]) -> list[Remarks]:
        """Return, for each policy that only observes, what would keep it from taking effect."""
        context = self._context(container) if observers else None
        return [observed_limit_remarks(context, each) if context else () for each in observers]

    def limited(self) -> frozenset[int]:
        """Return the containers, by inode, with a limit of oomwarden's that can be put back."""
        return frozenset(
            inode
            for inode, container in self.tracker.view.inventory.containers.items()
            if (context := self._context(container))
            and restorable_limit(context.container) is not None
        )

    def _basis(self, tracked: TrackedContainer) -> tuple[object, ...]:
        """Return what a decision follows from, besides the memory in use."""
        view, container = self.tracker.view, tracked.container
        pod = view.inventory.pod(container.cgroup)
        return pod, container.name, tracked.decision, self.tracker.mode, view.limits.version

    def _evaluate(self, tracked: TrackedContainer, context: LimitContext) -> LimitDecision:
        mode = self.tracker.mode
        if tracked.decision is None and mode is not EnforcementMode.RELEASE:
            return LimitDecision()
        winner = tracked.decision.evaluation.selection.winner if tracked.decision else None
        found = evaluate_limit(context, winner, mode)
        if found.request is None or not found.request.policy:
            return found
        why = self.caps.take_turn(tracked.container)
        return found.deferred(why) if why else found

    def _context(self, container: Container) -> LimitContext | None:
        inventory = self.tracker.view.inventory
        pod, facts = inventory.pod(container.cgroup), inventory.container(container)
        if pod is None or facts is None:
            return None
        usage = container.memory.usage if container.memory else None
        return LimitContext(pod, self.tracker.view.limits.with_evidence(pod, facts), usage)


def in_turn(asks: Sequence[tuple[Resize, int]], turn: int) -> list[tuple[Resize, int]]:
    """Sort requests: those that put back first, the others rotated by the turn.

    Where the API server refuses the first ones again and again, the others still get their turn.
    """
    back = [each for each in asks if not each[0].policy]
    others = [each for each in asks if each[0].policy]
    room = max(MAX_ASKED - len(back), 1)
    begin = turn * room % len(others) if len(others) > room else 0
    return [*back, *others[begin:], *others[:begin]]


def _resize(context: LimitContext, ask: ResizeRequest) -> Resize:
    pod = context.pod
    return Resize(
        namespace=pod.namespace,
        pod=pod.name,
        uid=pod.uid,
        container=context.container.name,
        limit=exact_quantity(ask.limit),
        policy=ask.policy,
    )
