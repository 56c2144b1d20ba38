"""Whether what a test started still runs."""

from pathlib import Path


def is_running(pid: int) -> bool:
    """Tell whether a process still runs; a zombie that nobody collects does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
