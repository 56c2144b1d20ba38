"""What /healthz, /readyz and /metrics of an agent say."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from oomwarden.agent.runtime.snapshot import Snapshot, Taken
from oomwarden.probes.http_head import PLAIN, Response, error_response
from oomwarden.probes.loops import Loop, healthz
from oomwarden.probes.server import ProbeServer

_METRICS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Figures:
    """What /metrics shows beside the loops; `stuck_since` in monotonic seconds by worker."""

    kills: int
    unattributed: int
    undeliverable: int
    outbox: int
    enforced_processes: int
    unreadable: int
    log_overruns: int
    held_records: int
    held_kills: int
    stuck_since: Mapping[str, float | None]
    group_repairs: int = 0
    refused_records: int = 0
    taken_names: int = 0
    missing_watches: int = 0
    unopened_cgroups: int = 0


class AgentCollector(Collector):
    """Reads the agent's figures at each scrape, in the thread of the probes."""

    def __init__(self, loops: Sequence[Loop], figures: Callable[[], Taken[Figures] | None]) -> None:
        self._loops = loops
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Give the metric families."""
        ages = GaugeMetricFamily(
            "oomwarden_loop_age_seconds", "Seconds since a loop's last progress", labels=["loop"]
        )
        for loop in self._loops:
            if (age := loop.age()) is not None:
                ages.add_metric([loop.name], age)
        yield ages
        if taken := self._figures():
            yield from self._families(taken.value)
            yield GaugeMetricFamily(
                "oomwarden_figures_age_seconds",
                "Seconds since these figures were taken; more than 2: the event loop hangs",
                time.monotonic() - taken.at,
            )

    @staticmethod
    def _families(figures: Figures) -> Iterator[Metric]:
        yield _counter("oom_kills", "OOM-kill incidents seen by this agent", figures.kills)
        yield _counter("unattributed_kills", "Kills that no pod could be named for",
                       figures.unattributed)  # fmt: skip
        yield _counter("undeliverable_kills", "Kills whose records have no place any more",
                       figures.undeliverable)  # fmt: skip
        yield _counter("unreadable_cgroup_files", "Times that a cgroup could not be read",
                       figures.unreadable)  # fmt: skip
        yield _counter("kernel_log_overruns", "Reads before which the kernel log lost lines",
                       figures.log_overruns)  # fmt: skip
        yield GaugeMetricFamily(
            "oomwarden_outbox_records", "Records that wait for the API server", figures.outbox
        )
        yield GaugeMetricFamily(
            "oomwarden_refused_records",
            "Records that the API server refuses, and that are tried again",
            figures.refused_records,
        )
        yield _counter("taken_names", "Times that somebody else's object had a record's name",
                       figures.taken_names)  # fmt: skip
        yield GaugeMetricFamily(
            "oomwarden_held_records",
            "Records of fork loops that wait for their turn",
            figures.held_records,
        )
        yield GaugeMetricFamily(
            "oomwarden_held_kills", "Kills in the records that wait", figures.held_kills
        )
        yield GaugeMetricFamily(
            "oomwarden_enforced_processes",
            "Processes that hold a score of ours",
            figures.enforced_processes,
        )
        yield _counter("group_kill_repairs", "Times that somebody had changed memory.oom.group",
                       figures.group_repairs)  # fmt: skip
        yield GaugeMetricFamily("oomwarden_missing_watches", "inotify watches that are refused",
                                figures.missing_watches)  # fmt: skip
        yield GaugeMetricFamily("oomwarden_unopened_cgroups", "Cgroups that cannot be opened",
                                figures.unopened_cgroups)  # fmt: skip
        stuck = GaugeMetricFamily(
            "oomwarden_worker_stuck_seconds",
            "Seconds for which the kernel has not answered a worker; 0: it has",
            labels=["worker"],
        )
        for worker, since in figures.stuck_since.items():
            stuck.add_metric([worker], time.monotonic() - since if since else 0)
        yield stuck


def _counter(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(f"oomwarden_{name}", text, value)


def serve(
    port: int,
    loops: Sequence[Loop],
    figures: Callable[[], Taken[Figures] | None],
    waits_for: Callable[[], str] = str,
) -> ProbeServer:
    """Serve on all addresses of the pod until it is closed.

    Args:
        port: TCP port; 0: any.
        loops: Whose ages decide on /healthz; they are read in the thread of the probes.
        figures: Gives what /metrics shows; called in that thread too, at most once a second.
        waits_for: Gives what the agent waits for before it can work; empty: it works.

    Raises:
        OSError: the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(AgentCollector(loops, figures))
    pages: dict[str, Callable[[], Response]] = {
        "/healthz": partial(healthz, loops),
        "/readyz": lambda: readyz(waits_for()),
        "/metrics": lambda: Response(HTTPStatus.OK, generate_latest(registry), _METRICS),
    }
    return ProbeServer(port, pages)


@contextmanager
def serving(
    port: int, loops: Sequence[Loop], figures: Callable[[], Figures], waits_for: Callable[[], str]
) -> Iterator[None]:
    """Serve while the block lasts; the running event loop takes the figures.

    Raises:
        OSError: the port is taken.
    """
    taken = Snapshot(figures, asyncio.get_running_loop())
    server = serve(port, loops, taken.look, waits_for)
    try:
        yield
    finally:
        server.close()


def readyz(waits_for: str) -> Response:
    """Response 200, or 503 with what the agent waits for."""
    if waits_for:
        return error_response(HTTPStatus.SERVICE_UNAVAILABLE, waits_for)
    return Response(HTTPStatus.OK, b"it works\n", PLAIN)
