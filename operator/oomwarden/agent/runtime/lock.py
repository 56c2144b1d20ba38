"""One agent at a time on a node: a rolling update may start the new one before the old one ends."""

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ASK_AGAIN_SECONDS = 0.1
TELL_AGAIN_SECONDS = 60.0
PREDECESSOR_SECONDS = 60.0
"""An update that starts the new agent first ends the old one only once the new one is ready."""
_WAITING = (
    "waiting for another agent on this node to end. After a minute it is no predecessor but "
    "another release: uninstall one of them, as a cluster has one oomwarden"
)
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Waits:
    """What keeps an agent unready; empty: nothing does. Read by the probes' thread."""

    what: str = ""

    def said(self) -> str:
        """Give it."""
        return self.what


@asynccontextmanager
async def node_lock(state_dir: Path, waits: Waits) -> AsyncIterator[None]:
    """Wait until no other agent works with this state directory, and keep others waiting.

    The kernel lets go when a process ends, however it ends. Where the directory cannot be written
    nothing durable is shared either, and nobody waits.
    """
    try:
        held = os.open(state_dir / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _LOG.warning("two agents at once would not see each other: %s", error)
        yield
        return
    try:
        await _wait(held, waits)
        yield
    finally:
        os.close(held)


async def _wait(held: int, waits: Waits) -> None:
    """Wait for the lock; say so at once and every minute, as a second release never gets it."""
    began, said = time.monotonic(), float("-inf")
    while not _take(held):
        now = time.monotonic()
        if now - began >= PREDECESSOR_SECONDS:
            waits.what = _WAITING
        if now - said >= TELL_AGAIN_SECONDS:
            _LOG.warning(_WAITING)
            said = now
        await asyncio.sleep(ASK_AGAIN_SECONDS)
    waits.what = ""


def _take(held: int) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
