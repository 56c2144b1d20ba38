"""Scores that processes set themselves before a process rule overrode them."""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_OWN_SCORES = 512
"""Per container. Further processes are left alone, because their scores could not be restored."""


@dataclass(frozen=True, slots=True)
class OwnScore:
    """A score that a process set itself.

    Attributes:
        start: starttime of /proc/PID/stat in ticks. Together with the PID it identifies a process.
        score: The oom_score_adj.
    """

    start: int
    score: int


OwnScores = Mapping[int, OwnScore]
"""By PID."""
