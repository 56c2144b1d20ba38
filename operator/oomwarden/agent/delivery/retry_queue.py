"""Which row may be tried when: each for itself, all while the API server is in trouble."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from oomwarden.kube.transport.errors import WriteResult

AHEAD = 32
"""Rows under way or next in turn: posts go on while SQLite writes what became of others.

While a record is in turn no Event is posted: of 30 kills at once no record waits for an Event.
"""
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.5, 30.0
LAST_REFUSED_SECONDS = 600.0
"""A refusal stands until somebody changes something. The first long one that ends ends all waits;
short ones come and go with the objects of one namespace."""
SHORT_AFTER_SECONDS = 900.0
"""From when on a record is offered cut down to what any API server takes: an upgrade is shorter."""
LONGEST_ASKED_SECONDS = 300.0
"""Longest wait that the API server, or who answers in its place, is granted by Retry-After."""


@dataclass(slots=True)
class Backoff:
    """Not before, in loop time, tried last at `tried`; the wait doubles.

    `denied`: the API server has refused the object; `invalid_since`: since when by its schema.
    """

    not_before: float
    seconds: float
    tried: float
    denied: bool = False
    invalid_since: float | None = None


@dataclass(slots=True)
class RetryQueue:
    """The records, or the Events: one kind's troubles do not hold up the other's.

    While the API server itself is in trouble one row at a time is tried, after a wait of its own.
    It is the one that was not tried for longest: the trouble may be that of some rows alone.
    """

    what: str = "record"
    in_flight: set[str] = field(default_factory=set)
    _waits: dict[str, Backoff] = field(default_factory=dict)
    _server_backoff: Backoff | None = None

    def choose(self, keys: Sequence[str], now: float) -> list[str]:
        """Take the first of these that may be tried now, or the one whose turn it is."""
        known = set(keys)
        self._waits = {key: wait for key, wait in self._waits.items() if key in known}
        if self._server_backoff and now < self._server_backoff.not_before:
            return []
        due = (key for key in keys if self._is_due(key, now))
        in_turn = sorted(due, key=self._tried) if self._server_backoff else due
        chosen = list(islice(in_turn, self._room()))
        self.in_flight.update(chosen)
        return chosen

    def soonest(self, keys: Sequence[str]) -> float | None:
        """Give when one more of these may be tried, in loop time; None: first one has to end."""
        free = [key for key in keys if key not in self.in_flight]
        if not free or not self._room():
            return None
        times = [self._waits[key].not_before if key in self._waits else 0.0 for key in free]
        return max(min(times), self._server_backoff.not_before if self._server_backoff else 0.0)

    def _room(self) -> int:
        return max((1 if self._server_backoff else AHEAD) - len(self.in_flight), 0)

    def _is_due(self, key: str, now: float) -> bool:
        wait = self._waits.get(key)
        return key not in self.in_flight and (wait is None or wait.not_before <= now)

    def _tried(self, key: str) -> float:
        return self._waits[key].tried if key in self._waits else -math.inf

    def forget(self, key: str) -> None:
        """Note that a row was decided on; where it had been refused, others may fare better now."""
        wait = self._waits.pop(key, None)
        self._server_backoff = None
        if wait is not None and wait.denied and wait.seconds >= LAST_RETRY_SECONDS:
            for other in self._waits.values():
                other.not_before = 0.0 if other.denied else other.not_before

    def requeue(self, key: str, failure: WriteResult, now: float) -> str | None:
        """Note that a row is to be tried again; gives what is new about that, for the log."""
        first = key not in self._waits
        wait = self._waits[key] = _longer(self._waits.get(key), failure, now)
        wait.denied = failure.refused
        wait.invalid_since = (wait.invalid_since or now) if failure.invalid else None
        if not failure.server_wide:
            self._server_backoff = None
            return f"{self.what} {key} waits: {failure.reason}" if first else None
        opened = self._server_backoff is None
        if self._server_backoff is None or now >= self._server_backoff.not_before:
            self._server_backoff = _longer(self._server_backoff, failure, now)
        return f"every {self.what} waits: {failure.reason}" if opened else None

    def is_long_invalid(self, key: str, now: float) -> bool:
        """Whether the API server has found a row invalid for so long that less may have to do."""
        since = wait.invalid_since if (wait := self._waits.get(key)) else None
        return since is not None and now - since >= SHORT_AFTER_SECONDS


def _longer(before: Backoff | None, failure: WriteResult, now: float) -> Backoff:
    longest = LAST_REFUSED_SECONDS if failure.refused else LAST_RETRY_SECONDS
    seconds = min(before.seconds * 2, longest) if before else FIRST_RETRY_SECONDS
    pause = seconds * random.uniform(0.75, 1.0)  # noqa: S311 - jitter
    pause = max(pause, min(failure.retry_after, LONGEST_ASKED_SECONDS))
    since = before.invalid_since if before else None
    return Backoff(now + pause, seconds, tried=now, invalid_since=since)
