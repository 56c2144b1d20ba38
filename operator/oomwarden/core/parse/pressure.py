"""Parse pressure stall information: /proc/pressure/memory and memory.pressure of a cgroup.

Source: Linux Documentation/accounting/psi.rst and kernel/sched/psi.c, psi_show (4.20 to 7.2).
"""

import re
from typing import NamedTuple

_LINE = re.compile(
    r"^(some|full) avg10=(\d{1,3}\.\d\d) avg60=(\d{1,3}\.\d\d) avg300=(\d{1,3}\.\d\d)\b",
    re.MULTILINE | re.ASCII,
)
_MOST = 100.0


class StallAverages(NamedTuple):
    """Shares of time, in percent, in which tasks waited for memory.

    Attributes:
        avg10: Of the last 10 seconds.
        avg60: Of the last minute.
        avg300: Of the last 5 minutes.
    """

    avg10: float
    avg60: float
    avg300: float


class MemoryStalls(NamedTuple):
    """How much time was lost waiting for memory.

    Attributes:
        some: At least one task waited.
        full: All tasks that had work to do waited at once; None if the kernel does not say.
    """

    some: StallAverages
    full: StallAverages | None


def parse_pressure(text: str) -> MemoryStalls | None:
    """Parse a pressure file; None if it is torn or is another one."""
    found = {kind: _averages(numbers) for kind, *numbers in _LINE.findall(text)}
    return MemoryStalls(found["some"], found.get("full")) if "some" in found else None


def _averages(numbers: list[str]) -> StallAverages:
    return StallAverages(*(min(float(each), _MOST) for each in numbers))
