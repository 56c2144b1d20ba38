"""The node lock: one agent at a time, even if an update starts the new one before the old ends."""

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from oomwarden.core.log_line.keys import about

RETRY_SECONDS = 0.1
WARN_EVERY_SECONDS = 60.0
PREDECESSOR_SECONDS = 60.0
"""A waiting agent stays ready this long: an update that starts the new agent first ends the old
one only once the new one is ready."""
_WAITING = (
    "waiting for another agent on this node to end. If this takes more than a minute, it belongs "
    "to another release: uninstall one of them, as a cluster can have only one oomwarden"
)
_LOG = logging.getLogger(__name__)


class Readiness(Struct):
    """Why the agent is not ready; the thread of the probes reads it."""

    reason: str = ""

    def waiting_for(self) -> str:
        """Return what the agent waits for; empty if it is ready."""
        return self.reason


@asynccontextmanager
async def node_lock(state_dir: Path, readiness: Readiness) -> AsyncIterator[None]:
    """Hold the lock on the state directory; wait until no other agent has it.

    The kernel releases the lock when the process ends, however it ends. If the directory cannot be
    written, agents share no durable state either, and there is no lock.
    """
    try:
        descriptor = os.open(state_dir / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _LOG.warning(
            "cannot lock the state directory, so a second agent could run: %s",
            error,
            extra=about(reason="CannotLock", error=str(error)),
        )
        yield
        return
    try:
        await _wait(descriptor, readiness)
        yield
    finally:
        os.close(descriptor)


async def _wait(descriptor: int, readiness: Readiness) -> None:
    """Wait for the lock; log that now and every minute, as a second release never gets it."""
    began, warned = time.monotonic(), float("-inf")
    while not _try_lock(descriptor):
        now = time.monotonic()
        if now - began >= PREDECESSOR_SECONDS:
            readiness.reason = _WAITING
        if now - warned >= WARN_EVERY_SECONDS:
            _LOG.warning(_WAITING, extra=about(reason="SecondAgent"))
            warned = now
        await asyncio.sleep(RETRY_SECONDS)
    readiness.reason = ""


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
