"""Restarts the API server of the benchmark, as an upgrade of the control plane does."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from bench.scale.agents import server
from bench.scale.control_plane import ControlPlane

_SECONDS = 120.0
_PROGRAM = "kube-apiserver"


def end(plane: ControlPlane) -> list[str]:
    """End the API server; return its command line."""
    pid = plane.pids[_PROGRAM]
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    return [os.fsdecode(each) for each in words]


def start(plane: ControlPlane, command: list[str], stack: contextlib.ExitStack) -> None:
    """Start an API server again, and wait until it is ready.

    Args:
        plane: The control plane, whose process ID is replaced.
        command: The command line.
        stack: Ends the new process.

    Raises:
        RuntimeError: It does not become ready.
    """
    log = stack.enter_context((plane.folder / "kube-apiserver-2.log").open("wb"))
    process = subprocess.Popen(command, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.kill)
    plane.pids[_PROGRAM] = process.pid
    deadline = time.monotonic() + _SECONDS
    while not _is_ready(plane):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the API server did not start again: {log.name}")
        time.sleep(0.1)


def _is_ready(plane: ControlPlane) -> bool:
    with contextlib.suppress(OSError):
        return server.answers(plane, "/readyz")
    return False
