"""One kill that onOOM may answer: what is known of it, and how old that is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from oomwarden.api.oomkill import OOMKill
from oomwarden.core.limits.authorization import ResizeContext

YOUNG = timedelta(minutes=2)
FRESH = timedelta(seconds=30)
"""So much older than the kill may be what the agent told of the node's memory."""


def is_young(happened: datetime, now: datetime) -> bool:
    """Whether a kill is recent enough to be acted on."""
    return now - happened <= YOUNG


@dataclass(frozen=True, slots=True)
class RaiseContext:
    """A kill, the scene that it left, and the memory that its node has left in bytes.

    `available` None: not known, the node's agent is silent. `told` is when the agent said so, by
    the node's clock, and `skew` what has to be added to that clock; `created` when the record came
    to be, by the API server's clock.
    """

    kill: OOMKill
    scene: ResizeContext
    available: int | None
    now: datetime
    told: datetime | None = None
    skew: timedelta = timedelta()
    created: datetime | None = None

    @property
    def happened(self) -> datetime:
        """Tell when the kill was found, by the API server's clock."""
        return datetime.fromisoformat(self.kill.time.before) + self.skew

    @property
    def is_late(self) -> bool:
        """Whether the kill, or its record, is too old to be acted on."""
        moments = (self.happened, self.created or self.happened)
        return any(not is_young(each, self.now) for each in moments)

    @property
    def is_stale(self) -> bool:
        """Whether what the agent told of the node's memory is much older than the kill."""
        if self.told is None:
            return False
        return self.told < datetime.fromisoformat(self.kill.time.before) - FRESH

    def by_which_clock(self) -> str:
        """Tell a record that came late from a clock that is wrong, as far as that can be told."""
        age = (self.created or self.now) - self.happened
        if self.created is None or age <= YOUNG or not is_young(self.created, self.now):
            return "when the operator saw it"
        minutes = age.total_seconds() / 60
        return (
            f"({minutes:.0f} minutes by the clock of node {self.kill.node}) when its record "
            "reached the API server: it was delivered late, or that clock is behind"
        )
