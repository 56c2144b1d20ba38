"""Scores for single processes, by their command lines."""

from functools import lru_cache

from msgspec import Struct

from oomwarden.core.policy.command_globs import matches

COMMAND_BYTES = 4096
"""How much of a command line is matched, however long it is."""
KEPT_DECISIONS = 512
"""The processes of a server have the same few command lines at every scan."""


class ProcessTarget(Struct, frozen=True):
    """Processes whose command line matches the glob get the score."""

    glob: str
    score: int


ProcessTargets = tuple[ProcessTarget, ...]


def command_line(raw: bytes) -> str:
    """Convert /proc/PID/cmdline to text: the arguments, joined by spaces.

    A program that sets its own title (PostgreSQL) leaves the rest of the area as NULs or spaces.
    Bytes that are not UTF-8 become surrogates, so that every byte can be matched.
    """
    joined = raw[:COMMAND_BYTES].rstrip(b"\0 ").replace(b"\0", b" ")
    return joined.decode("utf-8", "surrogateescape")


@lru_cache(KEPT_DECISIONS)
def matching_rule(rules: ProcessTargets, text: str) -> ProcessTarget | None:
    """Return the first rule that matches a command line.

    No rule matches an empty one, which is that of a zombie or of a process during exec.
    """
    if not text:
        return None
    return next((each for each in rules if matches(each.glob, text)), None)
