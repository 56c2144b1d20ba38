"""What a series of readings of memory looks like, and why."""

from enum import StrEnum

from msgspec import Struct


class Pattern(StrEnum):
    """How memory has developed."""

    LEAK = "Leak"
    SAWTOOTH = "Sawtooth"
    STEADY = "Steady"
    STARTUP = "Startup"
    SPIKE = "Spike"
    UNKNOWN = "Unknown"


class UsagePoint(Struct, frozen=True):
    """A reading.

    Attributes:
        at: Seconds, of any clock that does not jump.
        usage: Bytes.
    """

    at: float
    usage: int


class Verdict(Struct, frozen=True):
    """What a series looks like.

    Attributes:
        evidence: One sentence with the figures that decided.
        growth: Bytes per second; None where a rate would mislead.
        seconds_to_limit: Until the limit is reached at that rate; None where it is not honest to
            say so.
    """

    pattern: Pattern
    evidence: str
    growth: float | None = None
    seconds_to_limit: float | None = None
