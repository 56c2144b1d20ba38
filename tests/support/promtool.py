"""Debian's promtool, which is downloaded once."""

import subprocess
from pathlib import Path

import pytest

from e2e.lab import prometheus
from e2e.lab.errors import LabError

SECONDS = 120.0


def promtool(*arguments: str | Path, stdin: bytes = b"") -> tuple[int, str]:
    """Run promtool; return its exit code and everything that it says."""
    try:
        program = prometheus.build().promtool
    except LabError as error:
        pytest.fail(str(error), pytrace=False)
    done = subprocess.run(
        [program, *arguments], check=False, capture_output=True, input=stdin, timeout=SECONDS
    )
    return done.returncode, (done.stdout + done.stderr).decode()
