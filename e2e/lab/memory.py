"""How much memory this machine has left."""

import re
from pathlib import Path


def available_here() -> int:
    """Returns the memory that can be had on this machine without swapping, in MiB."""
    return available_memory(Path("/proc/meminfo").read_text(encoding="utf-8"))


def available_memory(meminfo: str) -> int:
    """Returns the memory that can be had without swapping, in MiB, from /proc/meminfo's text."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo, re.MULTILINE)
    return int(match.group(1)) // 1024 if match else 0
