"""A Prometheus on this machine's loopback, with a configuration, until it is stopped."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from e2e.lab import prometheus
from e2e.lab.errors import LabError

Result = list[dict[str, Any]]
_SECONDS = 30.0


@dataclass(frozen=True)
class PrometheusServer:
    """A running Prometheus.

    Attributes:
        port: Where it answers.
    """

    port: int

    def ask(self, kind: str, parameters: Mapping[str, str]) -> Result:
        """Return the result of a query.

        Args:
            kind: `query` or `query_range`.
            parameters: As in prometheus.io/docs/prometheus/latest/querying/api.

        Raises:
            AssertionError: Prometheus refuses the query.
        """
        found: Result = self.get(f"{kind}?{urllib.parse.urlencode(parameters)}")["result"]
        return found

    def values(self, query: str) -> Result:
        """Return the result of a query now."""
        return self.ask("query", {"query": query})

    def get(self, path: str) -> Any:
        """Return the data of a page below /api/v1."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
        raise AssertionError(f"{urllib.parse.unquote_plus(url)}: {reason}")


@contextmanager
def running_prometheus(
    folder: Path, config: dict[str, Any], *options: str
) -> Iterator[PrometheusServer]:
    """Run a Prometheus while the block runs.

    Args:
        folder: For its data, configuration and log.
        config: Its configuration.
        options: Further options of its command line.

    Raises:
        LabError: It cannot be had or does not start; the message has the end of its log.
    """
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = (
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        *options,
    )
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            (str(prometheus.build().prometheus), *words), stdout=output, stderr=output
        )
    try:
        server = PrometheusServer(port)
        _wait_until_ready(server, process, log)
        yield server
    finally:
        process.terminate()
        process.wait(_SECONDS)


def _wait_until_ready(
    server: PrometheusServer, process: subprocess.Popen[bytes], log: Path
) -> None:
    end = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            server.values("vector(1)")
        except (OSError, AssertionError):
            time.sleep(0.1)
        else:
            return
    last = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise LabError(f"Prometheus did not start: {last}")
