"""The operator's liveness: /healthz shows whether its event loop runs."""

import asyncio
import time
from functools import partial

from oomwarden.probes.loops import Loop, age_since, healthz
from oomwarden.probes.server import ProbeServer

BEAT_SECONDS = 1.0
LATE_SECONDS = 5.0
"""Age of the last beat at which /healthz fails: the kubelet's probe timeout."""


class EventLoopLiveness:
    """Records a beat from within the event loop; `loop` has the age of the last one."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self.loop = Loop("event-loop", age_since(lambda: self._at), LATE_SECONDS)

    async def run(self) -> None:
        """Record beats until cancelled."""
        while True:
            self._at = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)


def serve_healthz(port: int, loop: Loop) -> ProbeServer:
    """Serve /healthz in a separate thread.

    Raises:
        OSError: The port is already in use.
    """
    return ProbeServer(port, {"/healthz": partial(healthz, [loop])})
