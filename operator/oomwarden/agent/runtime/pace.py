"""News that come all the time: what they cause takes a fifth of a processor's time at most."""

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType

SHARE = 4
"""Times its own duration that work rests, while there are more news."""
LONGEST_SECONDS = 0.05
"""A container that starts waits no longer for its score."""


@dataclass(slots=True)
class ReconcilePacer:
    """Enter it for the work on all containers; await `rest` before the next time."""

    _began: float = 0.0
    _pause: float = 0.0

    def __enter__(self) -> None:
        self._began = time.thread_time()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pause = min((time.thread_time() - self._began) * SHARE, LONGEST_SECONDS)

    async def rest(self) -> None:
        """Let others go on for as long as the last work deserves."""
        await asyncio.sleep(self._pause)
