"""Parse what a cgroup and a process say of their memory."""

from dataclasses import dataclass

from oomwarden.core.flat_keyed import parse_counters

_RESIDENT = 1
"""Index of `resident` in /proc/PID/statm."""


@dataclass(frozen=True, slots=True)
class Composition:
    """Bytes of a cgroup by kind. `file` includes `shmem`, which is tmpfs and shared memory."""

    anon: int
    file: int
    shmem: int


def parse_composition(text: bytes) -> Composition | None:
    """Read memory.stat (Linux Documentation/admin-guide/cgroup-v2.rst).

    None when a key is missing: a torn or foreign file tells nothing.
    """
    counters = parse_counters(text)
    if not {b"anon", b"file", b"shmem"} <= counters.keys():
        return None
    return Composition(counters[b"anon"], counters[b"file"], counters[b"shmem"])


def parse_resident(text: bytes, page_size: int) -> int:
    """Read the resident memory in bytes from /proc/PID/statm.

    Of a few pages per thread the kernel does not know yet (Linux Documentation/filesystems/
    proc.rst, table 1-3; include/linux/mm_types_task.h).

    Raises:
        ValueError: the text is no statm line.
    """
    fields = text.split()
    if len(fields) <= _RESIDENT:
        raise ValueError(f"/proc/PID/statm has no resident pages: {text[:80]!r}")
    return int(fields[_RESIDENT]) * page_size
