"""Scores that processes set themselves before a process rule overrode them."""

from collections.abc import Mapping

from msgspec import Struct

MAX_OWN_SCORES = 512
"""Per container. Further processes are left alone, because their scores could not be restored."""


class OwnScore(Struct, frozen=True):
    """A score that a process set itself.

    Attributes:
        start: starttime of /proc/PID/stat in ticks. Together with the PID it identifies a process.
        score: The oom_score_adj.
    """

    start: int
    score: int


OwnScores = Mapping[int, OwnScore]
"""By PID."""
