"""Whether the operator's event loop runs: its one sign of life, which /healthz shows."""

import asyncio
import time
from functools import partial

from oomwarden.probes.loops import Loop, age_of, healthz
from oomwarden.probes.server import ProbeServer

BEAT_SECONDS = 1.0
LATE_SECONDS = 5.0
"""As patient as the kubelet is with an answer."""


class Pulse:
    """Beats in the event loop; `loop` tells how long ago."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self.loop = Loop("event-loop", age_of(lambda: self._at), LATE_SECONDS)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._at = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)


def serve(port: int, pulse: Pulse) -> ProbeServer:
    """Serve /healthz in a thread of its own.

    Raises:
        OSError: the port is taken.
    """
    return ProbeServer(port, {"/healthz": partial(healthz, [pulse.loop])})
