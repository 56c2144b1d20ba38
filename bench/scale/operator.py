"""The operator's own process, and what it costs."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from bench.scale.control_plane import ControlPlane
from bench.scale.objects import NAMESPACE

_ROOT = Path(__file__).resolve().parents[2]
OPERATOR = _ROOT / "operator"
_TICK = os.sysconf("SC_CLK_TCK")
_POLL_SECONDS = 0.05
_SHOWN = 2000
"""Characters of the log of an operator that has ended."""


class OperatorProcess:
    """A running operator.

    Args:
        plane: The control plane that it uses.
        source: The folder with the package, so that an earlier commit can be measured.
    """

    def __init__(self, plane: ControlPlane, source: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.began = time.monotonic()
        command = [sys.executable, "-OO", "-m", "bench.scale.in_pod", str(plane.account), "run",
                   "--port", str(self._port), "--namespace", NAMESPACE]  # fmt: skip
        usual = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        settings = {
            "PYTHONPATH": f"{source}:{_ROOT}", "KUBECONFIG": str(plane.kubeconfig),
            "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(plane.port),
        }  # fmt: skip
        self.log = plane.folder / "operator.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=usual | settings, cwd=plane.folder, stdout=log, stderr=log
            )

    def end(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def mebibytes(self, line: str) -> float:
        """Return a line of /proc/PID/status: VmRSS is the current size, VmHWM the peak."""
        text = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        found = re.search(rf"^{line}:\s+(\d+) kB", text, re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its threads so far."""
        return cpu_seconds(self._process.pid)

    def wait_until(self, reached: Callable[["OperatorProcess"], bool], seconds: float) -> float:
        """Wait for something; return the seconds since the process began.

        Raises:
            TimeoutError: It takes too long.
            RuntimeError: The operator has ended.
        """
        deadline = time.monotonic() + seconds
        while not reached(self):
            if self._process.poll() is not None:
                raise RuntimeError(f"the operator has ended: {self.log.read_text()[-_SHOWN:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the operator has not come that far after {seconds:.0f} s")
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - self.began

    def ages(self) -> dict[str, float | None]:
        """Return the ages of its loops; empty while it does not answer."""
        text = self._get("/healthz")
        found: dict[str, float | None] = json.loads(text)["ageSeconds"] if text else {}
        return found

    def metric(self, name: str, **labels: str) -> float | None:
        """Return a metric; None if it does not exist (yet)."""
        for line in (self._get("/metrics") or "").splitlines():
            if line.startswith(name) and all(f'{k}="{v}"' in line for k, v in labels.items()):
                return float(line.rsplit(" ", 1)[1])
        return None

    def nodes(self) -> float:
        """Return how many OOMNodes it knows."""
        states = (self.metric("oomwarden_operator_nodes", state=each)
                  for each in ("Reporting", "Silent"))  # fmt: skip
        return sum(each or 0 for each in states)

    def _get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as got:
                text: str = got.read().decode()
                return text
        except (OSError, urllib.error.URLError):
            return None


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
