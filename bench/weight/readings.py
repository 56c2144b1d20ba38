"""What /proc says of a process: memory, CPU time by thread, switches, descriptors."""

import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

Figures = dict[str, float]
_KIB = 1024
_MEMORY = {"VmRSS": "resident", "RssAnon": "anonymous", "RssFile": "file pages", "VmHWM": "peak"}


@dataclass(frozen=True)
class CpuReading:
    """What a process has used until now.

    Attributes:
        nanoseconds: CPU time by thread name (schedstat, which is exact; ticks are 10 ms).
        switches: Number of times that a thread waited for something: each ends in a wake-up.
    """

    nanoseconds: Counter[str] = field(default_factory=Counter)
    switches: int = 0

    @property
    def milliseconds(self) -> float:
        """CPU time of all threads."""
        return sum(self.nanoseconds.values()) / 1e6


def parse_memory(status: str) -> Figures:
    """Return the sizes in /proc/PID/status in MiB by name, and the number of threads."""
    values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    found = {
        name: int(values[key].split()[0]) / _KIB for key, name in _MEMORY.items() if key in values
    }
    return {**found, "threads": float(values.get("Threads", "0"))}


def memory(pid: int) -> Figures:
    """Read the memory of a process in MiB, and its threads and descriptors.

    Raises:
        ProcessLookupError: It has ended.
    """
    proc = Path("/proc", str(pid))
    try:
        found = parse_memory((proc / "status").read_text())
        return {**found, "descriptors": float(len(os.listdir(proc / "fd")))}  # noqa: PTH208
    except FileNotFoundError as error:
        raise ProcessLookupError(pid) from error


def thread_names(pid: int) -> dict[int, str]:
    """Return the names of a process's threads by thread ID."""
    tasks = Path("/proc", str(pid), "task")
    return {int(each.name): (each / "comm").read_text().strip() for each in tasks.iterdir()}


def cpu(pid: int) -> CpuReading:
    """Read the CPU time of a process by thread. Threads that have ended count no more."""
    nanoseconds, switches = Counter[str](), 0
    for task in Path("/proc", str(pid), "task").iterdir():
        with suppress(OSError):
            name = "main" if task.name == str(pid) else (task / "comm").read_text().strip()
            nanoseconds[name] += int((task / "schedstat").read_text().split()[0])
            switches += _voluntary_switches((task / "status").read_text())
    return CpuReading(nanoseconds, switches)


def since(before: CpuReading, now: CpuReading) -> CpuReading:
    """Return what was used between two readings."""
    used = Counter(now.nanoseconds)
    used.subtract(before.nanoseconds)
    return CpuReading(used, now.switches - before.switches)


def _voluntary_switches(status: str) -> int:
    for line in status.splitlines():
        if line.startswith("voluntary_ctxt_switches"):
            return int(line.split()[1])
    return 0
