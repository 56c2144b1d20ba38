"""/healthz and /metrics on one port, served by a thread of its own."""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop and the age of its last progress in seconds.

    `limit` in seconds is set for loops of the kernel side only: an API outage must not restart
    the agents of a whole fleet.
    """

    name: str
    age: Callable[[], float | None]
    limit: float | None = None

    def late(self) -> bool:
        """Whether the loop should have made progress by now."""
        age = self.age()
        return self.limit is not None and age is not None and age > self.limit


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


def healthz(loops: list[Loop]) -> tuple[int, bytes]:
    """Answer 200, or 503 when a loop of the kernel side is late; the body names every age."""
    ages = {loop.name: loop.age() for loop in loops}
    late = [loop.name for loop in loops if loop.late()]
    body = {"late": late, "ageSeconds": {name: age and round(age, 3) for name, age in ages.items()}}
    return (503 if late else 200), json.dumps(body).encode() + b"\n"


class AgentCollector(Collector):
    """Reads the agent's figures at each scrape."""

    def __init__(self, loops: list[Loop], figures: Callable[[], Figures]) -> None:
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
        figures = self._figures()
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - as in the base
        """A probe that hung up before its answer is worth one line, not a traceback."""
        _LOG.info("%s: the answer to %s was not taken", sys.exc_info()[1], client_address)


def serve(port: int, loops: list[Loop], figures: Callable[[], Figures]) -> ThreadingHTTPServer:
    """Serve for ever on all addresses of the pod.

    Raises:
        OSError: the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(AgentCollector(loops, figures))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(*healthz(loops), "application/json")
            elif self.path == "/metrics":
                self._answer(200, generate_latest(registry), "text/plain; version=0.0.4")
            else:
                self._answer(404, b"see /healthz and /metrics\n", "text/plain")

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
            """Probes are no news."""

    server = _Server(("", port), Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def age_of(progress: Callable[[], float]) -> Callable[[], float | None]:
    """Turn a monotonic time of last progress (0: none yet) into an age."""

    def age() -> float | None:
        at = progress()
        return time.monotonic() - at if at else None

    return age
