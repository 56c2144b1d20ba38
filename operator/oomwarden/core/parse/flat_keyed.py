"""Parse the kernel's small text files: flat-keyed counters and "integer or max" values."""

from functools import lru_cache

from oomwarden.core.model.cgroup import KillCounters, LimitHits, MemoryEvents

_EVENTS = {
    each.encode(): each for each in ("low", "high", "max", "oom", "oom_kill", "oom_group_kill")
}
"""The keys of memory.events up to Linux 7.1; oom_group_kill exists since 5.17."""

_DIGITS = 20
"""Digits of the largest 64-bit number; the kernel writes no longer ones."""


def parse_counters(text: bytes) -> dict[bytes, int]:
    """Parse `key value` lines; other lines are skipped."""
    counters: dict[bytes, int] = {}
    for line in text.splitlines():
        key, _, value = line.partition(b" ")
        if value.isdigit() and len(value) <= _DIGITS:
            counters[key] = int(value)
    return counters


@lru_cache(maxsize=256)  # most cgroups of a node have the same text: nothing was ever killed
def parse_memory_events(text: bytes) -> KillCounters | None:
    """Parse memory.events (Linux Documentation/admin-guide/cgroup-v2.rst).

    Returns:
        The counters; `oom_group_kill` is 0 before Linux 5.17. None if there is no `oom_kill`: the
        file is torn or is another one.
    """
    counters = parse_counters(text)
    if b"oom_kill" not in counters:
        return None
    return KillCounters(
        oom=counters.get(b"oom", 0),
        oom_kill=counters[b"oom_kill"],
        oom_group_kill=counters.get(b"oom_group_kill", 0),
    )


def parse_events(text: bytes) -> MemoryEvents:
    """Parse all counters of memory.events that this version knows; empty if there are none."""
    counters = parse_counters(text)
    return {name: counters[key] for key, name in _EVENTS.items() if key in counters}


def parse_limit_hits(text: bytes) -> LimitHits | None:
    """Parse memory.events.local; None if it is torn or is another file."""
    counters = parse_counters(text)
    if b"max" not in counters or b"oom" not in counters:
        return None
    return LimitHits(counters[b"max"], counters[b"oom"])


def parse_limit(text: bytes) -> int | None:
    """Parse memory.max in bytes; None for `max`.

    Raises:
        ValueError: The text is neither a number nor `max`.
    """
    value = text.strip()
    if value == b"max":
        return None
    return int(value)
