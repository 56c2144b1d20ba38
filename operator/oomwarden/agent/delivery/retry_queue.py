"""Back-off for the rows of the outbox: per row, and for all while the API server fails."""

import math
import random
from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec import Struct, field

from oomwarden.kube.transport.errors import WriteResult

MAX_IN_FLIGHT = 32
"""Rows that are posted or queued for a poster: posts go on while SQLite stores results.

No Event is posted while a record is queued: with 30 kills at a time, no record waits for an Event.
"""
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.5, 30.0
LAST_REFUSED_SECONDS = 600.0
"""A refusal lasts until someone changes a quota, a policy or a CRD. When a long refusal ends, all
refused rows are retried; short ones come and go with the objects of one namespace."""
SHORT_AFTER_SECONDS = 900.0
"""A record that was invalid for this long is posted without details; an upgrade takes less."""
MAX_RETRY_AFTER_SECONDS = 300.0
"""Longest Retry-After that is honoured, from the API server or a proxy."""


class Backoff(Struct):
    """The back-off of a row, or of all rows. Times are event-loop times in seconds."""

    not_before: float
    seconds: float
    """The delay without jitter; it doubles with each failure."""
    last_tried: float
    refused: bool = False
    """Whether the API server refused the object."""
    invalid_since: float | None = None
    """Since when the API server finds the object invalid."""


class RetryQueue(Struct):
    """Chooses which rows of one kind are tried: records and Events have a queue each.

    While the API server fails, one row at a time is tried, with a common back-off. It is the row
    that was not tried for the longest time, because only some rows may fail.
    """

    kind: str = "record"
    in_flight: set[str] = field(default_factory=set)
    _backoffs: dict[str, Backoff] = field(default_factory=dict)
    _server_backoff: Backoff | None = None

    def choose(self, keys: Sequence[str], now: float) -> list[str]:
        """Return the rows that may be tried now; it changes nothing."""
        if self._server_backoff and now < self._server_backoff.not_before:
            return []
        due = (key for key in keys if self._is_due(key, now))
        in_turn = sorted(due, key=self._last_tried) if self._server_backoff else due
        return list(islice(in_turn, self._capacity()))

    def take(self, chosen: Iterable[str], keys: Iterable[str]) -> None:
        """Mark chosen rows as in flight, and forget the back-offs of rows that are gone."""
        known = set(keys)
        self._backoffs = {key: wait for key, wait in self._backoffs.items() if key in known}
        self.in_flight.update(chosen)

    def next_due(self, keys: Sequence[str]) -> float | None:
        """Return when the next row may be tried, in loop time; None if a post has to end first."""
        free = [key for key in keys if key not in self.in_flight]
        if not free or not self._capacity():
            return None
        times = [self._backoffs[key].not_before if key in self._backoffs else 0.0 for key in free]
        return max(min(times), self._server_backoff.not_before if self._server_backoff else 0.0)

    def _capacity(self) -> int:
        return max((1 if self._server_backoff else MAX_IN_FLIGHT) - len(self.in_flight), 0)

    def _is_due(self, key: str, now: float) -> bool:
        wait = self._backoffs.get(key)
        return key not in self.in_flight and (wait is None or wait.not_before <= now)

    def _last_tried(self, key: str) -> float:
        return self._backoffs[key].last_tried if key in self._backoffs else -math.inf

    def forget(self, key: str) -> None:
        """Drop the back-off of a finished row; if a long refusal ended, retry all refused rows."""
        wait = self._backoffs.pop(key, None)
        self._server_backoff = None
        if wait is not None and wait.refused and wait.seconds >= LAST_RETRY_SECONDS:
            for other in self._backoffs.values():
                other.not_before = 0.0 if other.refused else other.not_before

    def requeue(self, key: str, failure: WriteResult, now: float) -> str | None:
        """Schedule a row's retry.

        Args:
            key: The row.
            failure: Why its post failed.
            now: Event-loop time.

        Returns:
            A log line if the failure is new; None if it was logged before.
        """
        first = key not in self._backoffs
        wait = self._backoffs[key] = _longer(self._backoffs.get(key), failure, now)
        wait.refused = failure.refused
        wait.invalid_since = (wait.invalid_since or now) if failure.invalid else None
        if not failure.server_wide:
            self._server_backoff = None
            return f"{self.kind} {key} will be retried: {failure.reason}" if first else None
        opened = self._server_backoff is None
        if self._server_backoff is None or now >= self._server_backoff.not_before:
            self._server_backoff = _longer(self._server_backoff, failure, now)
        return f"delivery of every {self.kind} is delayed: {failure.reason}" if opened else None

    def is_long_invalid(self, key: str, now: float) -> bool:
        """Return whether a row was invalid for so long that it is posted without its details."""
        since = wait.invalid_since if (wait := self._backoffs.get(key)) else None
        return since is not None and now - since >= SHORT_AFTER_SECONDS


def _longer(before: Backoff | None, failure: WriteResult, now: float) -> Backoff:
    longest = LAST_REFUSED_SECONDS if failure.refused else LAST_RETRY_SECONDS
    seconds = min(before.seconds * 2, longest) if before else FIRST_RETRY_SECONDS
    pause = seconds * random.uniform(0.75, 1.0)  # noqa: S311 - jitter
    pause = max(pause, min(failure.retry_after, MAX_RETRY_AFTER_SECONDS))
    since = before.invalid_since if before else None
    return Backoff(now + pause, seconds, last_tried=now, invalid_since=since)
