"""Parse what a cgroup and a process say of their memory."""

from dataclasses import dataclass, fields, replace

from oomwarden.core.parse.flat_keyed import parse_counters

_RESIDENT = 1
"""Index of `resident` in /proc/PID/statm."""
_NEGATIVE = 1 << 63
"""From here on a number is one below 0 that was written without its sign: counters that each CPU
keeps its part of are summed up while they change."""

# What `kernel` holds (since 5.18), by the names of memory.stat; sec_pagetables since 6.1.
_KERNEL = ("slab", "page_tables", "kernel_stack", "percpu", "vmalloc", "zswap")


@dataclass(frozen=True, slots=True)
class Composition:
    """Bytes of a cgroup by kind: disjoint but for `file`, which includes `shmem`.

    `shmem` is tmpfs and shared memory. 0: none, or this kernel does not say. `swap` is beside the
    memory that is charged, all others are part of it.
    """

    anon: int
    file: int
    shmem: int
    slab: int = 0
    sock: int = 0
    page_tables: int = 0
    kernel_stack: int = 0
    percpu: int = 0
    vmalloc: int = 0
    zswap: int = 0
    hugetlb: int = 0
    kernel_other: int = 0
    swap: int = 0

    def within(self, usage: int) -> "Composition":
        """Bound each part by what is charged: the files are read one after the other."""
        parts = ((each.name, getattr(self, each.name)) for each in fields(self))
        bounded = {name: min(size, usage) for name, size in parts if name != "swap"}
        return replace(self, **bounded)


def parse_composition(text: bytes, swap: int = 0) -> Composition | None:
    """Read memory.stat (Linux Documentation/admin-guide/cgroup-v2.rst, 5.10 to 7.2).

    None when a key is missing that every kernel has: a torn or foreign file tells nothing.

    Args:
        text: The file.
        swap: memory.swap.current in bytes; 0 where there is no such file.
    """
    told = {key: _size(told) for key, told in parse_counters(text).items()}
    if not {b"anon", b"file", b"shmem"} <= told.keys():
        return None
    pieces = told.get(b"slab_reclaimable", 0) + told.get(b"slab_unreclaimable", 0)
    found = Composition(
        anon=told[b"anon"],
        file=told[b"file"],
        shmem=told[b"shmem"],
        slab=max(told.get(b"slab", 0), pieces),
        sock=told.get(b"sock", 0),
        page_tables=told.get(b"pagetables", 0) + told.get(b"sec_pagetables", 0),
        kernel_stack=told.get(b"kernel_stack", 0),
        percpu=told.get(b"percpu", 0),
        vmalloc=told.get(b"vmalloc", 0),
        zswap=told.get(b"zswap", 0),
        hugetlb=told.get(b"hugetlb", 0),
        swap=swap,
    )
    known = sum(getattr(found, name) for name in _KERNEL)
    return replace(found, kernel_other=max(told.get(b"kernel", 0) - known, 0))


def _size(told: int) -> int:
    return told if told < _NEGATIVE else 0


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
