"""A simulation of candidates whose requests are slow or lost, and whose clocks differ."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from oomwarden.core.leader_election.candidate import (
    LeaseCandidate,
    Lost,
    Read,
    Wait,
    Write,
)

EPOCH = datetime(2026, 11, 30, tzinfo=UTC)


@dataclass
class Network:
    """How requests and answers travel.

    `pause` is how long a process may stand still, and `lost` the share of requests and of answers
    that are lost. A request that was given up may still arrive.
    """

    slowest: float = 0.2
    lost: float = 0.0
    pause: float = 0.0
    pauses: float = 0.0


@dataclass
class Server:
    """Stores the Lease, with versions."""

    lease: dict[str, Any] | None = None
    versions: Any = field(default_factory=lambda: count(1))

    def answer(self, step: Read | Write) -> dict[str, Any] | None:
        """Perform a request; None: not found, or another version."""
        if isinstance(step, Read):
            return self.lease
        if step.exists:
            if self.lease is None or step.lease["metadata"] != self.lease["metadata"]:
                return None
        elif self.lease is not None:
            return None
        self.lease = {**step.lease, "metadata": {"resourceVersion": str(next(self.versions))}}
        return self.lease


@dataclass(eq=False)
class Process:
    """A process with a candidate, and a clock with a rate and an offset of its own."""

    name: str
    rate: float
    offset: float
    alive: bool = True
    candidate: LeaseCandidate = field(init=False)

    def __post_init__(self) -> None:
        self.candidate = LeaseCandidate(self.name)

    def clock(self, at: float) -> float:
        return self.offset + self.rate * at

    def leads(self, at: float) -> bool:
        return self.alive and self.candidate.leads(self.clock(at))


TICK_SECONDS = 1e-6
"""Shortest wait: one below the resolution of `now` would never end."""


class Election:
    """Runs processes against a server, in virtual time; `watch` is called after each event."""

    def __init__(self, chance: Random, network: Network, watch: Callable[[], None]) -> None:
        self.now = 0.0
        self.server = Server()
        self.processes: list[Process] = []
        self._chance, self._network, self._watch = chance, network, watch
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def start(self, name: str, rate: float = 1.0, offset: float = 0.0) -> Process:
        """Start a process."""
        process = Process(name, rate, offset)
        self.processes.append(process)
        self._at(0, lambda: self._step(process))
        return process

    def run_until(self, end: float, done: Callable[[], bool] = lambda: False) -> None:
        """Run until a time, or until a condition is met."""
        while self._events and self._events[0][0] <= end and not done():
            self.now, _, event = heapq.heappop(self._events)
            event()
            self._watch()

    def leaders(self) -> list[str]:
        """Return who leads, by its own clock."""
        return [each.name for each in self.processes if each.leads(self.now)]

    def release(self, process: Process) -> None:
        """End a process that releases the Lease."""
        made = process.candidate.released(self.server.lease or {}, EPOCH)
        process.alive = False
        if made is not None:
            self.server.answer(Write(made, exists=True))

    def _at(self, delay: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + delay, next(self._order), event))

    def _step(self, process: Process) -> None:
        if not process.alive:
            return
        wall = EPOCH + timedelta(seconds=process.clock(self.now))
        match process.candidate.step(process.clock(self.now), wall):
            case Wait(seconds):
                delay = max(seconds / process.rate, TICK_SECONDS) + self._pause()
                self._at(delay, lambda: self._step(process))
            case Lost():
                process.alive = False
                self.start(f"{process.name}'", process.rate, process.offset)
            case Read() | Write() as request:
                self._send(process, request)

    def _send(self, process: Process, request: Read | Write) -> None:
        """Send a request; its answer, or the end of the sender's patience, comes later."""
        sent, open_ = process.clock(self.now), [True]

        def arrive() -> None:
            answer = self.server.answer(request)
            if not self._is_lost():
                self._at(self._delay(), lambda: receive(answer))

        def receive(answer: dict[str, Any] | None) -> None:
            if open_.pop() if open_ else False:
                self._take(process, request, answer, sent)
                self._at(self._pause(), lambda: self._step(process))

        def give_up() -> None:
            if open_.pop() if open_ else False:
                process.candidate.failed(process.clock(self.now), self._chance.random())
                self._at(self._pause(), lambda: self._step(process))

        if not self._is_lost():
            self._at(self._delay(), arrive)
        self._at(process.candidate.patience(sent) / process.rate, give_up)

    def _take(
        self, process: Process, request: Read | Write, answer: dict[str, Any] | None, sent: float
    ) -> None:
        now, chance = process.clock(self.now), self._chance.random()
        if isinstance(request, Read):
            process.candidate.observed(answer, now, chance)
        elif answer is None:
            process.candidate.refused(now, chance)
        else:
            process.candidate.written(answer, sent, now)

    def _delay(self) -> float:
        return self._chance.random() * self._network.slowest

    def _is_lost(self) -> bool:
        return self._chance.random() < self._network.lost

    def _pause(self) -> float:
        stands = self._chance.random() < self._network.pauses
        return self._chance.random() * self._network.pause if stands else 0.0
