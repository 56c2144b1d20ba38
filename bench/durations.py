"""Time `make demo` and `make test`: warm (all cached, lab stopped) and cold (nothing cached)."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.figures import table

ROOT = Path(__file__).resolve().parent.parent
# Variables of the outer `make bench ARGS=...`: the measured targets have their own ARGS.
_OUTER_MAKE = {"MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "ARGS"}
CACHES = ("OOMWARDEN_CACHE", "GOCACHE", "GOMODCACHE", "PIP_CACHE_DIR")


def warm_demo() -> None:
    """Time `make demo` with everything cached and no lab running."""
    _make("demo-down")
    seconds = _make("demo")
    table("make demo, warm", [("seconds", f"{seconds:.0f}")])


def cold_demo() -> None:
    """Time `make demo` with empty caches (installed Debian packages stay)."""
    _cold("demo", "demo-down")


def warm_test() -> None:
    """Time `make test` with everything cached."""
    seconds = _make("test")
    table("make test, warm", [("seconds", f"{seconds:.0f}")])


def cold_test() -> None:
    """Time `make test` with empty caches (installed Debian packages stay)."""
    _cold("test", "lab-down")


def _cold(target: str, down: str) -> None:
    _make(down)
    with tempfile.TemporaryDirectory(prefix="oomwarden-cold-") as empty:
        caches = {name: str(Path(empty) / name.lower()) for name in CACHES}
        try:
            seconds = _make(target, caches)
        finally:  # the running programs are in these caches
            _make(down, caches)
            # Go's module cache is read-only.
            subprocess.run(["chmod", "-R", "u+w", empty], check=True)
    table(f"make {target}, cold", [("seconds", f"{seconds:.0f}")])


def _make(target: str, extra: Mapping[str, str] | None = None) -> float:
    began = time.monotonic()
    environment = {**inherited(os.environ), **(extra or {})}
    subprocess.run(["make", "--directory", str(ROOT), target], check=True, env=environment)
    return time.monotonic() - began


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables of the outer make."""
    return {name: value for name, value in environment.items() if name not in _OUTER_MAKE}
