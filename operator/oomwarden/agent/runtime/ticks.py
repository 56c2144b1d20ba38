"""When the agent's loops wake: together where they need only the event loop's thread.

To wake a processor costs more than most of what a loop does then. But loops with a thread of their
own keep to times of their own: threads that run at the same moment take Python's lock from each
other all the time.
"""

import time

WITH_SAMPLES = 2.5
WITH_DETECTION = 5.0
WITH_SCANS = 7.5
"""Phases of loops with a thread, in seconds of a period of ten; all others have phase 0."""


def next_tick(period: float, now: float, phase: float = 0.0) -> float:
    """Return the next multiple of a period, in seconds of the monotonic clock.

    Args:
        period: In seconds.
        now: By the monotonic clock.
        phase: Added to the multiples.
    """
    return now - (now - phase) % period + period


def until_tick(period: float, phase: float = 0.0) -> float:
    """Return the seconds until the next multiple of a period; see `next_tick`."""
    now = time.monotonic()
    return next_tick(period, now, phase) - now
