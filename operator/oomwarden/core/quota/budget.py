"""How many records a fork loop may make, and a node, and so a fleet: the rest waits and merges.

A container has a budget: some records at once, then one after each wait, and waits double. A node
has two buckets: one for the first record of each pod, which says most, one for all that follow.
"""

from dataclasses import dataclass

from oomwarden.core.quota.budget_terms import FIRSTS_BURST, FREE_RECORDS, USUAL, Terms, node_terms
from oomwarden.core.quota.pressure import Pressure

_HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What one container may have recorded.

    `free` records go at once, as far as the terms allow; then one goes `wait` seconds after the
    `last` (wall-clock seconds), and each doubles the wait. No kill for as long as the terms call
    quiet: it begins anew. A wall clock that was set back makes a record due, once.
    """

    free: int = FREE_RECORDS
    wait: float = 0.0
    last: float = 0.0

    def at(self, since: float, terms: Terms = USUAL) -> "Budget":
        """Give the budget for kills from `since` on: a new one after quiet."""
        return Budget() if since - self.last >= terms.quiet else self

    def due(self, now: float, terms: Terms = USUAL, since: float | None = None) -> float:
        """Tell when the next record may go: now, or later.

        `since`: of a record that waits already, when it began to. It is not quiet while one waits.
        """
        budget = self.at(now if since is None else since, terms)
        wait = _clamped(budget.wait, terms)
        waits = not budget.left(terms) and budget.last <= now < budget.last + wait
        return budget.last + wait if waits else now

    def spend(self, now: float, terms: Terms = USUAL, since: float | None = None) -> "Budget":
        """Take a record's share."""
        budget = self.at(now if since is None else since, terms)
        if left := budget.left(terms):
            return Budget(left - 1, terms.first_wait, now)
        return Budget(0, _clamped(2 * _clamped(budget.wait, terms), terms), now)

    def left(self, terms: Terms = USUAL) -> int:
        """Give how many may go at once; those that went already count at harder terms too."""
        return max(self.free - (FREE_RECORDS - terms.free), 0)


def _clamped(wait: float, terms: Terms) -> float:
    return min(max(wait, terms.first_wait), terms.last_wait)


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket holds `burst` tokens at most, and gains `hourly` in an hour."""

    burst: float
    hourly: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """A node's tokens, one a record, as of wall-clock `since`; a new one is full."""

    tokens: float = float("inf")
    since: float = 0.0

    def at(self, now: float, rate: Rate) -> "Bucket":
        """Give the bucket of this moment; a clock that was set back takes no tokens away."""
        gained = max(now - self.since, 0.0) * rate.hourly / _HOUR_SECONDS
        return Bucket(min(self.tokens + gained, rate.burst), now)

    def due(self, now: float, rate: Rate) -> float:
        """Tell when there is a token: now, or later."""
        missing = 1 - self.at(now, rate).tokens
        return now + missing * _HOUR_SECONDS / rate.hourly if missing > 0 else now

    def spend(self, now: float, rate: Rate) -> "Bucket":
        """Take a token."""
        return Bucket(self.at(now, rate).tokens - 1, now)


def node_rates(pressure: Pressure) -> tuple[Rate, Rate]:
    """Give the rates of a node's buckets: for the first record of each pod, and for all others."""
    node = node_terms(pressure)
    return Rate(FIRSTS_BURST, node.firsts), Rate(node.burst, node.repeats)
