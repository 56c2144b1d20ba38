"""`kubectl oom` as a person runs it: a program of its own, with a kubeconfig."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PROGRAM = "from oomwarden.cli.start import main; main()"
_SECONDS = 120


@dataclass(frozen=True)
class OomCommand:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def kubectl_oom(kubeconfig: Path, *arguments: str) -> OomCommand:
    """Run a sub-command against a cluster."""
    env = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        env=env,
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    return OomCommand(done.returncode, done.stdout, done.stderr)
