"""What the API server says of itself, and what it and etcd cost."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.scale.control_plane import ControlPlane
from bench.scale.operator import cpu_seconds

_SAMPLE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_TOO_MANY = "429"


def state(plane: ControlPlane) -> dict[str, Any]:
    """Return the server's figures, which only count up unless they are sizes."""
    text = _metrics(plane)
    api, etcd = plane.pids["kube-apiserver"], plane.pids["etcd"]
    return {
        "server_cpu": cpu_seconds(api),
        "etcd_cpu": cpu_seconds(etcd),
        "server_mebibytes": mebibytes(api),
        "etcd_mebibytes": mebibytes(etcd),
        "watches": total(text, "apiserver_longrunning_requests"),
        "watch_events": total(text, "apiserver_watch_events_total"),
        "watch_bytes": total(text, "apiserver_watch_events_sizes_sum"),
        "too_many": total(text, "apiserver_request_total", code=_TOO_MANY),
        "goroutines": total(text, "go_goroutines"),
    }


def total(text: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that have these labels."""
    return sum(value for found, value in samples(text, name) if labels.items() <= found.items())


def samples(text: str, name: str) -> Iterator[tuple[dict[str, str], float]]:
    """Yield labels and value of each sample of a metric."""
    for line in text.splitlines():
        found = line.startswith(name) and _SAMPLE.fullmatch(line)
        if found and found[1] == name:
            yield dict(_LABEL.findall(found[2] or "")), float(found[3])


def _metrics(plane: ControlPlane) -> str:
    connection = plane.connect()
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {plane.token}"})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def mebibytes(pid: int) -> float:
    """Return the resident memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def answers(plane: ControlPlane, path: str) -> bool:
    """Return whether the API server answers a GET with success."""
    connection = plane.connect()
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {plane.token}"})
        return connection.getresponse().status < 300  # noqa: PLR2004 - a success
    finally:
        connection.close()
