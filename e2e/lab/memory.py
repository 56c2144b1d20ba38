"""How much memory is available on this machine."""

import re
from pathlib import Path


def available_here() -> int:
    """Return the memory that is available on this machine without swapping, in MiB."""
    return available_memory(Path("/proc/meminfo").read_text(encoding="utf-8"))


def available_memory(meminfo: str) -> int:
    """Parse the memory that is available without swapping, in MiB, from /proc/meminfo's text."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo, re.MULTILINE)
    return int(match.group(1)) // 1024 if match else 0
