"""The operator's /healthz, which shows whether its event loop runs, /readyz and /metrics."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from oomwarden.core.metrics.exposition import Families
from oomwarden.probes.http_head import HttpResponse
from oomwarden.probes.loops import Loop, age_since, healthz, readyz
from oomwarden.probes.process_metrics import metrics_page
from oomwarden.probes.server import ProbeServer
from oomwarden.probes.snapshot import Snapshot

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


def serve(
    port: int,
    loops: Sequence[Loop],
    families: Callable[[], Families],
    waits_for: Callable[[], str] = lambda: "",
) -> ProbeServer:
    """Serve /healthz, /readyz and /metrics in a separate thread; called in the event loop.

    While the event loop hangs, /metrics has the last values, and the age of the loop.

    Args:
        port: TCP port; 0 for any free one.
        loops: The loops whose ages are shown; those with a limit decide on /healthz.
        families: Returns the operator's metrics; called in the event loop at each scrape.
        waits_for: Returns what it waits for before it can work; empty if it is ready. Called in
            the thread of the probes.

    Raises:
        OSError: The port is already in use.
    """
    snapshot = Snapshot(families, asyncio.get_running_loop())

    def metrics() -> HttpResponse:
        latest = snapshot.get()
        return metrics_page("operator", loops, latest.value if latest else ())

    def ready() -> HttpResponse:
        return readyz(waits_for())

    pages: dict[str, Callable[[], HttpResponse]] = {
        "/healthz": partial(healthz, loops),
        "/readyz": ready,
        "/metrics": metrics,
    }
    return ProbeServer(port, pages)
