"""How far the kernel log is recorded, so that a restarted agent knows where to continue."""

from msgspec import Struct

KillKey = tuple[float, int]
"""Identifies a kill of this boot: its time stamp and its first victim's pid."""


class Position(Struct, frozen=True):
    """Which kills are recorded.

    Attributes:
        to: All kills up to this time stamp are recorded (seconds since boot).
        beyond: Later kills that are recorded, too.
    """

    to: float
    beyond: tuple[KillKey, ...] = ()


NOTHING_RECORDED = Position(-1.0)
"""No kill is known to be recorded, whether the log has time stamps or not."""
