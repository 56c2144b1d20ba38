"""How many records a fork loop may make, and a node: the rest waits and merges."""

from dataclasses import dataclass, replace

FREE_RECORDS = 5
FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 60.0, 600.0
QUIET_SECONDS = 2 * LAST_WAIT_SECONDS
"""After which a container begins anew; the kubelet forgets a crash loop after twice its longest
wait too (client-go util/flowcontrol/backoff.go, hasExpired)."""
NODE_BURST = 300
NODE_PER_SECOND = 5.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What one container may have recorded.

    `free` records go at once; then one goes `wait` seconds after the `last` (wall-clock seconds),
    and each doubles the wait. No record for QUIET_SECONDS: it begins anew. A wall clock that was
    set back makes a record due, once.
    """

    free: int = FREE_RECORDS
    wait: float = 0.0
    last: float = 0.0

    def at(self, now: float) -> "Budget":
        """Give the budget of this moment: a new one after quiet."""
        return Budget() if now - self.last >= QUIET_SECONDS else self

    def due(self, now: float) -> float:
        """Tell when the next record may go: now, or later."""
        budget = self.at(now)
        waits = not budget.free and budget.last <= now < budget.last + budget.wait
        return budget.last + budget.wait if waits else now

    def spend(self, now: float) -> "Budget":
        """Take a record's share."""
        budget = self.at(now)
        if budget.free:
            return Budget(budget.free - 1, FIRST_WAIT_SECONDS, now)
        return replace(budget, wait=min(budget.wait * 2, LAST_WAIT_SECONDS), last=now)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The node's tokens, one a record, as of wall-clock `since`."""

    tokens: float = NODE_BURST
    since: float = 0.0

    def at(self, now: float) -> "Bucket":
        """Give the bucket of this moment."""
        gained = max(now - self.since, 0.0) * NODE_PER_SECOND
        return Bucket(min(self.tokens + gained, NODE_BURST), now)

    def due(self, now: float) -> float:
        """Tell when there is a token: now, or later."""
        missing = 1 - self.at(now).tokens
        return now + missing / NODE_PER_SECOND if missing > 0 else now

    def spend(self, now: float) -> "Bucket":
        """Take a token."""
        bucket = self.at(now)
        return replace(bucket, tokens=bucket.tokens - 1)
