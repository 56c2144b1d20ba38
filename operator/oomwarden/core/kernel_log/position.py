"""How far the kernel log is recorded: what a restarted agent has to read again."""

from dataclasses import dataclass

Mark = tuple[float, int]
"""What tells one kill of this boot from another: stamp and first victim's pid."""


@dataclass(frozen=True, slots=True)
class Position:
    """All kills up to the stamp `to` (seconds since boot) are told, and those `beyond` it."""

    to: float
    beyond: tuple[Mark, ...] = ()


ALL = Position(-1.0)
"""Nothing is known to be told, of a log with stamps or without."""
