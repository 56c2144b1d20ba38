"""Parse the kernel's small text files: flat-keyed counters and "integer or max" values."""

from oomwarden.core.model.cgroup import MemoryEvents

_DIGITS = 20
"""Of the largest number of 64 bits: the kernel writes no longer ones."""


def parse_counters(text: bytes) -> dict[bytes, int]:
    """Read `key value` lines; lines that are anything else are passed over."""
    counters: dict[bytes, int] = {}
    for line in text.splitlines():
        key, _, value = line.partition(b" ")
        if value.isdigit() and len(value) <= _DIGITS:
            counters[key] = int(value)
    return counters


def parse_memory_events(text: bytes) -> MemoryEvents | None:
    """Read memory.events (Linux Documentation/admin-guide/cgroup-v2.rst).

    None when the text holds no `oom_kill`: a torn or foreign file tells nothing.
    `oom_group_kill` is None before Linux 5.17.
    """
    counters = parse_counters(text)
    if b"oom_kill" not in counters:
        return None
    return MemoryEvents(
        oom=counters.get(b"oom", 0),
        oom_kill=counters[b"oom_kill"],
        oom_group_kill=counters.get(b"oom_group_kill"),
    )


def parse_limit(text: bytes) -> int | None:
    """Read memory.max in bytes; None for `max`.

    Raises:
        ValueError: neither a number nor `max`.
    """
    value = text.strip()
    if value == b"max":
        return None
    return int(value)
