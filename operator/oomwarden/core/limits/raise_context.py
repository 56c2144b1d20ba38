"""One kill that onOOM may respond to: what is known of it, and how old that is."""

from datetime import datetime, timedelta

from msgspec import Struct

from oomwarden.api.oomkill import OOMKill
from oomwarden.core.limits.authorization import ResizeContext

MAX_KILL_AGE = timedelta(minutes=2)
MAX_REPORT_LAG = timedelta(seconds=30)
"""How much older than the kill the agent's report of available memory may be."""


def is_recent(happened: datetime, now: datetime) -> bool:
    """Return whether a kill is recent enough to act on."""
    return now - happened <= MAX_KILL_AGE


class RaiseContext(Struct, frozen=True):
    """A kill, the container as it is now, and the memory that its node has available.

    Attributes:
        kill: The record of the kill.
        resize: The container as it is now.
        available: Memory that the node has available, in bytes; None if its agent is silent.
        now: The API server's time.
        reported_at: When the agent reported `available`, by the node's clock.
        skew: What to add to the node's clock to get the API server's.
        created: When the record was created, by the API server's clock.
    """

    kill: OOMKill
    resize: ResizeContext
    available: int | None
    now: datetime
    reported_at: datetime | None = None
    skew: timedelta = timedelta()
    created: datetime | None = None

    @property
    def happened(self) -> datetime:
        """Return when the agent found the kill, by the API server's clock."""
        return datetime.fromisoformat(self.kill.time.before) + self.skew

    @property
    def is_late(self) -> bool:
        """Return whether the kill or its record is too old to act on."""
        moments = (self.happened, self.created or self.happened)
        return any(not is_recent(each, self.now) for each in moments)

    @property
    def is_stale(self) -> bool:
        """Return whether the agent's report of available memory is much older than the kill."""
        if self.reported_at is None:
            return False
        return self.reported_at < datetime.fromisoformat(self.kill.time.before) - MAX_REPORT_LAG

    def describe_delay(self) -> str:
        """Describe whether the record came late or a clock is wrong, as far as that is known."""
        age = (self.created or self.now) - self.happened
        if self.created is None or age <= MAX_KILL_AGE or not is_recent(self.created, self.now):
            return "when the operator saw it"
        minutes = age.total_seconds() / 60
        return (
            f"({minutes:.0f} minutes by the clock of node {self.kill.node}) when its record "
            "reached the API server: it was delivered late, or that clock is behind"
        )
