"""Scores for single processes, by their command lines."""

from dataclasses import dataclass
from functools import lru_cache

from oomwarden.core.policy.command_globs import matches

COMMAND_BYTES = 4096
"""So much of a command line is looked at, however long it is."""
KEPT_DECISIONS = 512
"""A server's processes have the same few command lines at every scan."""


@dataclass(frozen=True, slots=True)
class ProcessTarget:
    """Processes whose command line matches the glob hold the score."""

    glob: str
    score: int


ProcessTargets = tuple[ProcessTarget, ...]


def command_line(raw: bytes) -> str:
    """Turn /proc/PID/cmdline into text: its arguments, joined by spaces.

    A program that gives itself a title (PostgreSQL) leaves the rest of the area as NULs or
    spaces. What is not UTF-8 stays as surrogates, so that every byte can be matched.
    """
    joined = raw[:COMMAND_BYTES].rstrip(b"\0 ").replace(b"\0", b" ")
    return joined.decode("utf-8", "surrogateescape")


@lru_cache(KEPT_DECISIONS)
def named_by(rules: ProcessTargets, text: str) -> ProcessTarget | None:
    """Find the first rule for a command line.

    None names an empty one: a zombie, or a process in the middle of exec.
    """
    if not text:
        return None
    return next((each for each in rules if matches(each.glob, text)), None)
