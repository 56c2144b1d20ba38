"""How many records a container and a node may write; the others wait and are merged.

A container has a budget: some records immediately, then one after each wait, and waits double. A
node has two token buckets: one for the first record of each pod, which is the most valuable one,
and one for all others.
"""

from msgspec import Struct

from oomwarden.core.quota.budget_terms import FIRSTS_BURST, FREE_RECORDS, USUAL, Terms, node_terms
from oomwarden.core.quota.pressure import Pressure

_HOUR_SECONDS = 3600.0


class Budget(Struct, frozen=True):
    """How many records one container may still write.

    Without a kill for `Terms.reset_after` seconds, the budget is reset. A wall clock that was set
    back makes a record due, once.

    Attributes:
        free: Records that may be written immediately, as far as the terms allow.
        wait: After these, one record may be written `wait` seconds after the last one, and each
            doubles the wait.
        last: When the last record was written (wall-clock seconds).
    """

    free: int = FREE_RECORDS
    wait: float = 0.0
    last: float = 0.0

    def at(self, since: float, terms: Terms = USUAL) -> "Budget":
        """Return the budget for kills from `since` on: a new one if there was none for long."""
        return Budget() if since - self.last >= terms.reset_after else self

    def due(self, now: float, terms: Terms = USUAL, since: float | None = None) -> float:
        """Return when the next record may be written: now, or later.

        Args:
            now: Wall-clock seconds.
            terms: The terms for the container's namespace.
            since: When the record started to wait, if it is already waiting. The budget is not
                reset while a record waits.
        """
        budget = self.at(now if since is None else since, terms)
        wait = _clamped(budget.wait, terms)
        waits = not budget.free_left(terms) and budget.last <= now < budget.last + wait
        return budget.last + wait if waits else now

    def spend(self, now: float, terms: Terms = USUAL, since: float | None = None) -> "Budget":
        """Return the budget after a record. Arguments are as in `due`."""
        budget = self.at(now if since is None else since, terms)
        if left := budget.free_left(terms):
            return Budget(left - 1, terms.first_wait, now)
        return Budget(0, _clamped(2 * _clamped(budget.wait, terms), terms), now)

    def free_left(self, terms: Terms = USUAL) -> int:
        """Return how many may be written immediately; harder terms count the earlier ones, too."""
        return max(self.free - (FREE_RECORDS - terms.free), 0)


def _clamped(wait: float, terms: Terms) -> float:
    return min(max(wait, terms.first_wait), terms.last_wait)


class Rate(Struct, frozen=True):
    """The rate of a token bucket.

    Attributes:
        burst: Maximum number of tokens.
        hourly: Tokens that are added in an hour.
    """

    burst: float
    hourly: float


class Bucket(Struct, frozen=True):
    """A node's tokens, one per record, as of wall-clock `since`; a new bucket is full."""

    tokens: float = float("inf")
    since: float = 0.0

    def at(self, now: float, rate: Rate) -> "Bucket":
        """Return the bucket at this time; a clock that was set back removes no tokens."""
        gained = max(now - self.since, 0.0) * rate.hourly / _HOUR_SECONDS
        return Bucket(min(self.tokens + gained, rate.burst), now)

    def due(self, now: float, rate: Rate) -> float:
        """Return when there is a token: now, or later."""
        missing = 1 - self.at(now, rate).tokens
        return now + missing * _HOUR_SECONDS / rate.hourly if missing > 0 else now

    def spend(self, now: float, rate: Rate) -> "Bucket":
        """Return the bucket without one token."""
        return Bucket(self.at(now, rate).tokens - 1, now)


def node_rates(pressure: Pressure) -> tuple[Rate, Rate]:
    """Return the rates of a node's buckets: for the first record of each pod, and for others."""
    node = node_terms(pressure)
    return Rate(FIRSTS_BURST, node.firsts), Rate(node.burst, node.repeats)
