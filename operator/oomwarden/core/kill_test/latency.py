"""How soon the kill was found, from times that the node's own clock gave."""

from datetime import UTC, datetime

from msgspec import Struct

_MAX_AGE = 3600.0
"""Seconds; times that differ by more were not given by the same clock."""


class KillLatency(Struct, frozen=True):
    """The time between kill and record.

    Attributes:
        seconds: At most this long, if it is exact; else about this long, give or take a second.
        is_exact: Whether it was measured from the program's own last line.
        text: What was measured.
    """

    seconds: float
    is_exact: bool
    text: str


def kill_latency(
    found: datetime | None, finished: datetime | None, last_line: float | None
) -> KillLatency | None:
    """Return the latency; None if the times that are needed are unknown.

    Args:
        found: When the agent found the kill (time.before of the record).
        finished: When the kubelet says that the container ended, in whole seconds.
        last_line: When the program printed its last line, which was just before the kill.
    """
    if found is None:
        return None
    if last_line is not None and 0 <= found.timestamp() - last_line <= _MAX_AGE:
        seconds = found.timestamp() - last_line
        return KillLatency(
            seconds,
            is_exact=True,
            text=f"at most {seconds:.2f} s from the kill until the agent found it (from the "
            f"program's last line at {_clock(last_line)} to {_clock(found.timestamp())}, both by "
            "the node's clock)",
        )
    if finished is None:
        return None
    seconds = max((found - finished).total_seconds(), 0.0)
    return KillLatency(
        seconds,
        is_exact=False,
        text=f"about {seconds:.0f} s from the kill until the agent found it, give or take a second "
        "(the kubelet's finishedAt has whole seconds)",
    )


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S.%f}"[:-3]
