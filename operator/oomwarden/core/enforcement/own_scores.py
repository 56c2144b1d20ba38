"""Scores that processes had given themselves before a rule for processes overrode them."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_OWN_SCORES = 512
"""Kept for one container. What is beyond is left alone: it could not be put back."""


@dataclass(frozen=True, slots=True)
class OwnScore:
    """`start` is starttime of /proc/PID/stat in ticks: with the pid it names one process."""

    start: int
    score: int


OwnScores = Mapping[int, OwnScore]
"""By pid."""
