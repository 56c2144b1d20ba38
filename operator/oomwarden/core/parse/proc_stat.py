"""Parse /proc/PID/stat (Linux Documentation/filesystems/proc.rst, table 1-4)."""

_AFTER_COMM = 19
"""Index of starttime, field 22, among the fields that follow comm."""


_PARENT = 1
"""Index of ppid, field 4."""


def parse_start(text: bytes) -> int:
    """Parse starttime in clock ticks since boot; comm may contain spaces and parentheses.

    Raises:
        ValueError: The text is not a stat line.
    """
    return parse_start_and_parent(text)[0]


def parse_start_and_parent(text: bytes) -> tuple[int, int]:
    """Parse starttime in clock ticks since boot, and the parent's pid.

    Returns:
        starttime, and the pid: 0 if there is no parent, or if it is in another pid namespace.

    Raises:
        ValueError: The text is not a stat line.
    """
    fields = text.rpartition(b")")[2].split()
    if len(fields) <= _AFTER_COMM:
        raise ValueError(f"/proc/PID/stat has no starttime: {text[:80]!r}")
    return int(fields[_AFTER_COMM]), int(fields[_PARENT])
