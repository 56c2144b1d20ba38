"""The pages /healthz, /readyz and /metrics of an agent."""

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

from oomwarden.agent.runtime.snapshot import Snapshot, TimedValue
from oomwarden.probes.http_head import PLAIN, HttpResponse, error_response
from oomwarden.probes.loops import Loop, healthz
from oomwarden.probes.server import ProbeServer

_METRICS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class MetricValues:
    """The values of /metrics, except for the ages of loops."""

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
    """By worker: since when its oldest call is stuck, in monotonic seconds; None if none is."""
    group_repairs: int = 0
    refused_records: int = 0
    taken_names: int = 0
    missing_watches: int = 0
    unopened_cgroups: int = 0


class AgentCollector(Collector):
    """Reads the agent's values at each scrape, in the thread of the probes."""

    def __init__(
        self, loops: Sequence[Loop], values: Callable[[], TimedValue[MetricValues] | None]
    ) -> None:
        self._loops = loops
        self._values = values

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        ages = GaugeMetricFamily(
            "oomwarden_loop_age_seconds", "Seconds since a loop's last progress", labels=["loop"]
        )
        for loop in self._loops:
            if (age := loop.age()) is not None:
                ages.add_metric([loop.name], age)
        yield ages
        if latest := self._values():
            yield from self._families(latest.value)
            yield GaugeMetricFamily(
                "oomwarden_figures_age_seconds",
                "Seconds since these values were read; the event loop hangs if it is more than 2",
                time.monotonic() - latest.at,
            )

    @staticmethod
    def _families(values: MetricValues) -> Iterator[Metric]:
        yield _counter("oom_kills", "OOM-kill incidents recorded by this agent", values.kills)
        yield _counter("unattributed_kills", "Kills that could not be attributed to a pod",
                       values.unattributed)  # fmt: skip
        yield _counter("undeliverable_kills", "Kills whose records cannot be delivered",
                       values.undeliverable)  # fmt: skip
        yield _counter("unreadable_cgroup_files", "Failed reads of cgroup files",
                       values.unreadable)  # fmt: skip
        yield _counter("kernel_log_overruns", "Reads that found kernel log lines dropped",
                       values.log_overruns)  # fmt: skip
        yield GaugeMetricFamily(
            "oomwarden_outbox_records", "Records that wait for the API server", values.outbox
        )
        yield GaugeMetricFamily(
            "oomwarden_refused_records",
            "Records that the API server refuses and that are retried",
            values.refused_records,
        )
        yield _counter("taken_names", "Records whose name an object of another program had",
                       values.taken_names)  # fmt: skip
        yield GaugeMetricFamily(
            "oomwarden_held_records",
            "Records of repeated kills that wait for their budget",
            values.held_records,
        )
        yield GaugeMetricFamily(
            "oomwarden_held_kills", "Kills in the held records", values.held_kills
        )
        yield GaugeMetricFamily(
            "oomwarden_enforced_processes",
            "Processes with an oom_score_adj set by oomwarden",
            values.enforced_processes,
        )
        yield _counter("group_kill_repairs", "Repairs of a changed memory.oom.group",
                       values.group_repairs)  # fmt: skip
        yield GaugeMetricFamily("oomwarden_missing_watches", "inotify watches that are refused",
                                values.missing_watches)  # fmt: skip
        yield GaugeMetricFamily("oomwarden_unopened_cgroups", "Cgroups that cannot be opened",
                                values.unopened_cgroups)  # fmt: skip
        stuck = GaugeMetricFamily(
            "oomwarden_worker_stuck_seconds",
            "Seconds since the oldest unanswered kernel call of a worker; 0 if there is none",
            labels=["worker"],
        )
        for worker, since in values.stuck_since.items():
            stuck.add_metric([worker], time.monotonic() - since if since else 0)
        yield stuck


def _counter(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(f"oomwarden_{name}", text, value)


def serve(
    port: int,
    loops: Sequence[Loop],
    values: Callable[[], TimedValue[MetricValues] | None],
    waits_for: Callable[[], str],
) -> ProbeServer:
    """Serve the pages on all addresses of the pod until the server is closed.

    All callables are called in the thread of the probes.

    Args:
        port: TCP port; 0 for any free one.
        loops: The loops whose ages decide on /healthz.
        values: Returns the values of /metrics; called at most once a second.
        waits_for: Returns what the agent waits for before it can work; empty if it is ready.

    Raises:
        OSError: the port is in use.
    """
    registry = CollectorRegistry()
    registry.register(AgentCollector(loops, values))
    pages: dict[str, Callable[[], HttpResponse]] = {
        "/healthz": partial(healthz, loops),
        "/readyz": lambda: readyz(waits_for()),
        "/metrics": lambda: HttpResponse(HTTPStatus.OK, generate_latest(registry), _METRICS),
    }
    return ProbeServer(port, pages)


@contextmanager
def serving(
    port: int,
    loops: Sequence[Loop],
    values: Callable[[], MetricValues],
    waits_for: Callable[[], str],
) -> Iterator[None]:
    """Serve the pages while the block runs; `values` is called in the running event loop.

    Raises:
        OSError: the port is in use.
    """
    snapshot = Snapshot(values, asyncio.get_running_loop())
    server = serve(port, loops, snapshot.get, waits_for)
    try:
        yield
    finally:
        server.close()


def readyz(waits_for: str) -> HttpResponse:
    """Return 200, or 503 with what the agent waits for."""
    if waits_for:
        return error_response(HTTPStatus.SERVICE_UNAVAILABLE, waits_for)
    return HttpResponse(HTTPStatus.OK, b"it works\n", PLAIN)
