"""How fast policies may affect running processes: a token bucket."""

from msgspec import Struct


class TokenBucket(Struct, frozen=True):
    """A rate limit: `most` tokens per `seconds`, and bursts of as many after a rest.

    Attributes:
        most: 0 for no limit.
        seconds: The period.
        left: Tokens at the time `since`. It may be negative, by what was only known afterwards.
        since: In seconds of any one clock.
    """

    most: int
    seconds: float
    left: float = 0.0
    since: float = float("-inf")

    def at(self, now: float) -> "TokenBucket":
        """Return the bucket at a time. A clock that was set back gains nothing."""
        gained = max(now - self.since, 0.0) * self.most / self.seconds
        return TokenBucket(self.most, self.seconds, min(self.left + gained, self.most), now)

    def available(self, now: float) -> int | None:
        """Return how many tokens are available; None for any number."""
        return max(int(self.at(now).left), 0) if self.most else None

    def seconds_until_next(self, now: float) -> float:
        """Return the seconds until a token is available."""
        missing = 1 - self.at(now).left if self.most else 0.0
        return max(missing, 0.0) * self.seconds / max(self.most, 1)

    def spend(self, number: int, now: float) -> "TokenBucket":
        """Return the bucket without this many tokens."""
        if not self.most:
            return self
        full = self.at(now)
        return TokenBucket(self.most, self.seconds, full.left - number, now)
