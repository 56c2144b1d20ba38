"""A fleet of agents in virtual time: when kills come, and which of them become records.

Each node has the product's budgets, buckets and terms (core.budget), composed as the agent's store
composes them. What a kill becomes is decided when it comes, or when a held record is due.
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
"""How long a container lives until it is killed."""
_WAITS = (10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""The kubelet's between two restarts (pkg/kubelet/kubelet.go, MaxContainerBackOff)."""
FORK_LOOP_SECONDS = 0.5
STEP_SECONDS = 10.0
"""The fleet hears of a change of the pressure after so long at most."""


@dataclass(frozen=True, slots=True)
class Kills:
    """When kills come: at some times first, then with a period for ever."""

    begin: tuple[float, ...]
    period: float

    def until(self, now: float) -> int:
        """Count the kills up to a time."""
        last = self.begin[-1]
        if now < last:
            return bisect_right(self.begin, now)
        return len(self.begin) + int((now - last) / self.period)

    def at(self, number: int) -> float:
        """Give the time of a kill; 0 is the first."""
        over = number - len(self.begin) + 1
        return self.begin[number] if over <= 0 else self.begin[-1] + over * self.period


def crash_loop(first: float) -> Kills:
    """Let the kubelet restart a container that is killed."""
    waits = accumulate((RUN_SECONDS + wait for wait in _WAITS[:-1]), initial=first)
    return Kills(tuple(waits), RUN_SECONDS + _WAITS[-1])


def fork_loop(first: float) -> Kills:
    """Let a container that survives lose a child, again and again."""
    return Kills((first,), FORK_LOOP_SECONDS)


@dataclass(slots=True)
class Pod:
    """A pod with one container. `told` of its kills are in records."""

    name: str
    namespace: str
    kills: Kills
    budget: Budget = field(default_factory=Budget)
    told: int = 0

    @property
    def since(self) -> float:
        """Give the time of the first kill that is in no record."""
        return self.kills.at(self.told)


@dataclass(frozen=True, slots=True)
class Made:
    """A record as it goes to the API server: the kills `start..end` of a pod."""

    pod: Pod
    start: int
    end: int
    own_event: bool
    first: bool
    agreed: Terms


@dataclass(slots=True)
class Node:
    """A node's pods and its two buckets."""

    pods: list[Pod]
    firsts: Bucket = field(default_factory=Bucket)
    repeats: Bucket = field(default_factory=Bucket)

    def until(
        self, now: float, agree: Callable[[str], Terms], rates: tuple[Rate, Rate]
    ) -> tuple[list[Made], float]:
        """Give the records of this moment, and when there may be more."""
        made: list[Made] = []
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

    def _spend(self, pod: Pod, now: float, agreed: Terms, rates: tuple[Rate, Rate]) -> Made:
        first, own = not pod.budget.last, pod.budget.left(agreed) > 0
        bucket, rate = self._bucket(pod, rates)
        pod.budget = pod.budget.spend(now, agreed, pod.since)
        if first:
            self.firsts = bucket.spend(now, rate)
        else:
            self.repeats = bucket.spend(now, rate)
        told, pod.told = pod.told, pod.kills.until(now)
        return Made(pod, told, pod.told, own, first, agreed)


@dataclass(slots=True)
class Fleet:
    """All nodes; each looks when something is due, and when the pressure changes."""

    nodes: list[Node]
    made: Callable[[float, Made], None]
    pressure: Callable[[float], Pressure]
    _turns: list[tuple[float, int]] = field(default_factory=list)
    _said: Pressure | None = None
    _agree: Callable[[str], Terms] = field(default=lambda _: USUAL)

    def until(self, end: float) -> None:
        """Let the time pass; what changes meanwhile is heard at its end."""
        said = self.pressure(end)
        if said != self._said:
            self._said = said
            self._turns = [(0.0, number) for number in range(len(self.nodes))]
            self._agree = cache(partial(terms, said))
        rates = node_rates(said)
        while self._turns[0][0] <= end:
            due, number = self._turns[0]
            now = max(due, end - STEP_SECONDS)
            made, again = self.nodes[number].until(now, self._agree, rates)
            for one in made:
                self.made(now, one)
            heapq.heapreplace(self._turns, (again, number))


def pods_on(nodes: int, pods: int, namespaces: int, kills: Callable[[float], Kills]) -> list[Node]:
    """Spread pods over nodes and namespaces; all begin within half a minute."""
    dice = random.Random(7)  # noqa: S311 - the same each time
    fleet = [Node([]) for _ in range(nodes)]
    for number in range(pods):
        times = kills(dice.uniform(1, 30))
        pod = Pod(f"pod-{number}", f"team-{number % namespaces:03}", times)
        fleet[number % nodes].pods.append(pod)
    return fleet
