"""Parse /proc/PID/stat (Linux Documentation/filesystems/proc.rst, table 1-4)."""

_AFTER_COMM = 19
"""Index of starttime, field 22, among the fields that follow comm."""


_PARENT = 1
"""Index of ppid, field 4."""


def parse_start(text: bytes) -> int:
    """Read starttime in clock ticks since boot. comm may hold spaces and parentheses.

    Raises:
        ValueError: the text is no stat line.
    """
    return parse_birth(text)[0]


def parse_birth(text: bytes) -> tuple[int, int]:
    """Read starttime in clock ticks since boot, and the parent's pid (0: none, or not seen here).

    Raises:
        ValueError: the text is no stat line.
    """
    fields = text.rpartition(b")")[2].split()
    if len(fields) <= _AFTER_COMM:
        raise ValueError(f"/proc/PID/stat has no starttime: {text[:80]!r}")
    return int(fields[_AFTER_COMM]), int(fields[_PARENT])
