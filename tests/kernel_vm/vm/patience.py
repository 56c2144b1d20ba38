"""Waiting for what takes a second or two where nothing else runs: the machines are emulated."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 90.0
"""Seconds."""


def wait_for(look: Callable[[], T]) -> T:
    """Look until something true is seen, or patience ends; what was seen last."""
    end = time.monotonic() + PATIENCE
    while not (seen := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return seen
