"""Waits with a long timeout, because the machines are emulated and may share processors."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 90.0
"""The timeout, in seconds; on an idle machine, a second or two suffice."""


def wait_for(condition: Callable[[], T]) -> T:
    """Call a condition until its result is true or the timeout ends, and return the last result."""
    end = time.monotonic() + PATIENCE
    while not (seen := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return seen
