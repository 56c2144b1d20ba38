"""The metrics of a process about itself, which agent and operator both serve.

Each is read at each scrape. One that cannot be read is left out, like those of the client
libraries (prometheus.io/docs/instrumenting/writing_clientlibs, "Process metrics").
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path

from oomwarden import __version__
from oomwarden.core.metrics.exposition import CONTENT_TYPE, Families, Sample, exposition
from oomwarden.core.metrics.families.process import (
    BUILD_INFO,
    CPU_TIME,
    LOOP_AGE,
    OPEN_FILES,
    RESIDENT_MEMORY,
    START_TIME,
)
from oomwarden.core.metrics.family import Family
from oomwarden.core.parse.memory_stat import parse_resident
from oomwarden.core.parse.proc_stat import parse_start
from oomwarden.probes.http_head import HttpResponse
from oomwarden.probes.loops import Loop

OWN_PROC = Path("/proc/self")


def process_families(component: str, loops: Sequence[Loop], proc: Path = OWN_PROC) -> Families:
    """Return the version, the ages of loops, and what the kernel says about this process.

    Args:
        component: The program: agent or operator.
        loops: The loops; one without progress yet has no series.
        proc: The process's directory in /proc.
    """
    ages = ((loop.name, loop.age()) for loop in loops)
    return (
        (BUILD_INFO, (Sample((__version__, component), 1),)),
        (LOOP_AGE, [Sample((name,), round(age, 3)) for name, age in ages if age is not None]),
        _read(RESIDENT_MEMORY, lambda: _resident(proc)),
        _read(CPU_TIME, time.process_time),
        _read(START_TIME, lambda: _started(proc)),
        _read(OPEN_FILES, lambda: _open_files(proc)),
    )


def metrics_page(component: str, loops: Sequence[Loop], known: Families) -> HttpResponse:
    """Return /metrics: what the process says about itself, and what else is known."""
    shown = (*process_families(component, loops), *known)
    return HttpResponse(HTTPStatus.OK, exposition(shown), CONTENT_TYPE)


def _read(family: Family, read: Callable[[], float]) -> tuple[Family, Sequence[Sample]]:
    try:
        return family, (Sample((), read()),)
    except (OSError, ValueError):
        return family, ()


def _resident(proc: Path) -> int:
    return parse_resident((proc / "statm").read_bytes(), os.sysconf("SC_PAGE_SIZE"))


@cache
def _started(proc: Path) -> float:
    """Return the start in Unix time; read once, or each step of the clock would look like a start.

    starttime and CLOCK_BOOTTIME count from the same zero, in a time namespace too (Linux
    fs/proc/array.c, do_task_stat, since 5.5).
    """
    ticks = parse_start((proc / "stat").read_bytes())
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return round(time.time() - age, 2)


def _open_files(proc: Path) -> int:
    return len(os.listdir(proc / "fd")) - 1  # noqa: PTH208 - as fast as can be; one is its own
