"""The pages /healthz, /readyz and /metrics of an agent."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from oomwarden.core.metrics.exposition import Families, single
from oomwarden.core.metrics.families.nodes import FIGURES_AGE
from oomwarden.probes.http_head import HttpResponse
from oomwarden.probes.loops import Loop, healthz, readyz
from oomwarden.probes.process_metrics import metrics_page
from oomwarden.probes.server import ProbeServer
from oomwarden.probes.snapshot import Snapshot, TimedValue

ReadFamilies = Callable[[], TimedValue[Families] | None]
"""Returns the metrics that the event loop knows, and when it read them; None: it never did."""


def _metrics(loops: Sequence[Loop], read: ReadFamilies) -> HttpResponse:
    """Return /metrics; while the event loop hangs, with the last values and their age."""
    known: Families = ()
    if latest := read():
        known = (*latest.value, single(FIGURES_AGE, time.monotonic() - latest.at))
    return metrics_page("agent", loops, known)


def serve(
    port: int,
    loops: Sequence[Loop],
    read: ReadFamilies,
    waits_for: Callable[[], str],
) -> ProbeServer:
    """Serve the pages on all addresses of the pod until the server is closed.

    All callables are called in the thread of the probes.

    Args:
        port: TCP port; 0 for any free one.
        loops: The loops whose ages decide on /healthz.
        read: Called for /metrics, at most once a second.
        waits_for: Returns what the agent waits for before it can work; empty if it is ready.

    Raises:
        OSError: the port is in use.
    """
    pages: dict[str, Callable[[], HttpResponse]] = {
        "/healthz": partial(healthz, loops),
        "/readyz": lambda: readyz(waits_for()),
        "/metrics": partial(_metrics, loops, read),
    }
    return ProbeServer(port, pages)


@contextmanager
def serving(
    port: int,
    loops: Sequence[Loop],
    families: Callable[[], Families],
    waits_for: Callable[[], str],
) -> Iterator[None]:
    """Serve the pages while the block runs; `families` is called in the event loop.

    Raises:
        OSError: the port is in use.
    """
    snapshot = Snapshot(families, asyncio.get_running_loop())
    server = serve(port, loops, snapshot.get, waits_for)
    try:
        yield
    finally:
        server.close()
