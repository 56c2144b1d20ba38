"""A fleet of agents in virtual time: when kills happen, and which of them become OOMKills.

Each node uses oomwarden's own budgets, buckets and terms (core/quota), combined as in the agent's
store. What a kill becomes is decided when it happens, or when a deferred record is due.
"""

import heapq
import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import accumulate

from oomwarden.core.quota.budget import Bucket, Budget, Rate, node_rates
from oomwarden.core.quota.budget_terms import USUAL, Terms, terms
from oomwarden.core.quota.pressure import Pressure

RUN_SECONDS = 5.0
"""Time from a container's start to its kill."""
_WAITS = (10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""The kubelet's back-off between two restarts (pkg/kubelet/kubelet.go, MaxContainerBackOff)."""
FORK_LOOP_SECONDS = 0.5
STEP_SECONDS = 10.0
"""Longest time until the fleet sees a change of the pressure."""


@dataclass(frozen=True, slots=True)
class Kills:
    """When kills happen: first at given times, then periodically."""

    begin: tuple[float, ...]
    period: float

    def count_until(self, now: float) -> int:
        """Count the kills up to a time."""
        last = self.begin[-1]
        if now < last:
            return bisect_right(self.begin, now)
        return len(self.begin) + int((now - last) / self.period)

    def at(self, number: int) -> float:
        """Return the time of a kill; the first one is number 0."""
        over = number - len(self.begin) + 1
        return self.begin[number] if over <= 0 else self.begin[-1] + over * self.period


def crash_loop(first: float) -> Kills:
    """Return the kills of a container that the kubelet restarts after each."""
    waits = accumulate((RUN_SECONDS + wait for wait in _WAITS[:-1]), initial=first)
    return Kills(tuple(waits), RUN_SECONDS + _WAITS[-1])


def fork_loop(first: float) -> Kills:
    """Return the kills of a container that survives and loses one child after another."""
    return Kills((first,), FORK_LOOP_SECONDS)


@dataclass(slots=True)
class Pod:
    """A pod with one container; the first `recorded` of its kills are in OOMKills."""

    name: str
    namespace: str
    kills: Kills
    budget: Budget = field(default_factory=Budget)
    recorded: int = 0

    @property
    def since(self) -> float:
        """The time of the first kill that is in no OOMKill."""
        return self.kills.at(self.recorded)


@dataclass(frozen=True, slots=True)
class WrittenRecord:
    """An OOMKill that is sent to the API server: the kills `start..end` of a pod."""

    pod: Pod
    start: int
    end: int
    own_event: bool
    first: bool
    agreed: Terms


@dataclass(slots=True)
class Node:
    """A node's pods and its two token buckets."""

    pods: list[Pod]
    firsts: Bucket = field(default_factory=Bucket)
    repeats: Bucket = field(default_factory=Bucket)

    def advance(
        self, now: float, agree: Callable[[str], Terms], rates: tuple[Rate, Rate]
    ) -> tuple[list[WrittenRecord], float]:
        """Return the OOMKills that are written now, and when the next may be due."""
        made: list[WrittenRecord] = []
        again = float("inf")
        for pod in sorted(self.pods, key=lambda one: one.budget.last):
            agreed = agree(pod.namespace)
            due = self._due(pod, now, agreed, rates)
            if due <= now:
                made.append(self._spend(pod, now, agreed, rates))
                due = self._due(pod, now, agreed, rates)
            again = min(again, due)
        return made, max(again, now + 0.1)

    def _due(self, pod: Pod, now: float, agreed: Terms, rates: tuple[Rate, Rate]) -> float:
        since = pod.since
        if since > now:
            return since
        bucket, rate = self._bucket(pod, rates)
        return max(pod.budget.due(now, agreed, since), bucket.due(now, rate))

    def _bucket(self, pod: Pod, rates: tuple[Rate, Rate]) -> tuple[Bucket, Rate]:
        return (self.repeats, rates[1]) if pod.budget.last else (self.firsts, rates[0])

    def _spend(
        self, pod: Pod, now: float, agreed: Terms, rates: tuple[Rate, Rate]
    ) -> WrittenRecord:
        first, own = not pod.budget.last, pod.budget.free_left(agreed) > 0
        bucket, rate = self._bucket(pod, rates)
        pod.budget = pod.budget.spend(now, agreed, pod.since)
        if first:
            self.firsts = bucket.spend(now, rate)
        else:
            self.repeats = bucket.spend(now, rate)
        start, pod.recorded = pod.recorded, pod.kills.count_until(now)
        return WrittenRecord(pod, start, pod.recorded, own, first, agreed)


@dataclass(slots=True)
class Fleet:
    """All nodes; each acts when something is due, and when the pressure changes."""

    nodes: list[Node]
    on_record: Callable[[float, WrittenRecord], None]
    pressure: Callable[[float], Pressure]
    _turns: list[tuple[float, int]] = field(default_factory=list)
    _pressure: Pressure | None = None
    _agree: Callable[[str], Terms] = field(default=lambda _: USUAL)

    def advance(self, end: float) -> None:
        """Advance the time; nodes see a change of the pressure at its end."""
        pressure = self.pressure(end)
        if pressure != self._pressure:
            self._pressure = pressure
            self._turns = [(0.0, number) for number in range(len(self.nodes))]
            self._agree = cache(partial(terms, pressure))
        rates = node_rates(pressure)
        while self._turns[0][0] <= end:
            due, number = self._turns[0]
            now = max(due, end - STEP_SECONDS)
            made, again = self.nodes[number].advance(now, self._agree, rates)
            for one in made:
                self.on_record(now, one)
            heapq.heapreplace(self._turns, (again, number))


def pods_on(nodes: int, pods: int, namespaces: int, kills: Callable[[float], Kills]) -> list[Node]:
    """Distribute pods over nodes and namespaces; all start within half a minute."""
    dice = random.Random(7)  # noqa: S311 - a fixed seed
    fleet = [Node([]) for _ in range(nodes)]
    for number in range(pods):
        times = kills(dice.uniform(1, 30))
        pod = Pod(f"pod-{number}", f"team-{number % namespaces:03}", times)
        fleet[number % nodes].pods.append(pod)
    return fleet
