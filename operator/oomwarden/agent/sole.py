"""One agent at a time on a node: a rolling update may start the new one before the old one ends."""

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ASK_AGAIN_SECONDS = 0.1
_LOG = logging.getLogger(__name__)


@asynccontextmanager
async def sole(state_dir: Path) -> AsyncIterator[None]:
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
        await _wait(held)
        yield
    finally:
        os.close(held)


async def _wait(held: int) -> None:
    told = False
    while not _take(held):
        if not told:
            _LOG.warning("waiting for another agent on this node to end")
            told = True
        await asyncio.sleep(ASK_AGAIN_SECONDS)


def _take(held: int) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
