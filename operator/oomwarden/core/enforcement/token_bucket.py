"""How fast policies may reach what runs: a token bucket, pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """So many in `seconds`, and as many at once after a rest; `most` 0: no cap.

    `left` tokens at the time `since`, in seconds of one clock. It may fall below 0 by what could
    not be known before it was done.
    """

    most: int
    seconds: float
    left: float = 0.0
    since: float = float("-inf")

    def at(self, now: float) -> "TokenBucket":
        """Give the bucket of this moment. A clock that was set back gains nothing."""
        gained = max(now - self.since, 0.0) * self.most / self.seconds
        return TokenBucket(self.most, self.seconds, min(self.left + gained, self.most), now)

    def room(self, now: float) -> int | None:
        """Tell how many may be taken now; None: any number."""
        return max(int(self.at(now).left), 0) if self.most else None

    def wait(self, now: float) -> float:
        """Give the seconds until one may be taken."""
        missing = 1 - self.at(now).left if self.most else 0.0
        return max(missing, 0.0) * self.seconds / max(self.most, 1)

    def spend(self, number: int, now: float) -> "TokenBucket":
        """Take so many."""
        if not self.most:
            return self
        full = self.at(now)
        return TokenBucket(self.most, self.seconds, full.left - number, now)
