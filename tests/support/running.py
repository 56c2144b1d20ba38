"""Checks whether a process that a test started still runs."""

from pathlib import Path


def is_running(pid: int) -> bool:
    """Return whether a process still runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
