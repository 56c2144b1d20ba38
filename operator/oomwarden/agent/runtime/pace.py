"""Rate limit for reconciles under constant change: at most a fifth of a processor's time."""

import asyncio
import time
from types import TracebackType

from msgspec import Struct

REST_FACTOR = 4
"""The rest after a reconcile, as a multiple of its processor time."""
MAX_REST_SECONDS = 0.05
"""The score of a new container waits no longer than this."""


class ReconcilePacer(Struct):
    """A context manager around each reconcile; await `rest` before the next one."""

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
        self._pause = min((time.thread_time() - self._began) * REST_FACTOR, MAX_REST_SECONDS)

    async def rest(self) -> None:
        """Sleep in proportion to the processor time of the last reconcile."""
        await asyncio.sleep(self._pause)
