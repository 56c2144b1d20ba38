"""Parse the memory of a cgroup (memory.stat) and of a process (statm)."""

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.parse.flat_keyed import parse_counters

_RESIDENT = 1
"""Index of `resident` in /proc/PID/statm."""
_NEGATIVE = 1 << 63
"""From here on, a number is a negative one printed without its sign: per-CPU counters are summed up
while they change."""

# The parts of `kernel` (since 5.18), by field name; sec_pagetables exists since 6.1.
_KERNEL = ("slab", "page_tables", "kernel_stack", "percpu", "vmalloc", "zswap")


class Composition(Struct, frozen=True):
    """Bytes of a cgroup by kind; 0 if there are none, or if this kernel does not report them.

    The kinds are disjoint, except that `file` includes `shmem` (tmpfs and shared memory). All but
    `swap` are part of the charged memory.
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
        """Return each part bounded by the charged memory, since the files are read one by one."""
        parts = ((name, getattr(self, name)) for name in self.__struct_fields__)
        bounded = {name: min(size, usage) for name, size in parts if name != "swap"}
        return replace(self, **bounded)


def parse_composition(text: bytes, swap: int = 0) -> Composition | None:
    """Parse memory.stat (Linux Documentation/admin-guide/cgroup-v2.rst, 5.10 to 7.2).

    Args:
        text: The file.
        swap: memory.swap.current in bytes; 0 if there is no such file.

    Returns:
        None if a key is missing that every kernel has: the file is torn or is another one.
    """
    sizes = {key: _size(size) for key, size in parse_counters(text).items()}
    if not {b"anon", b"file", b"shmem"} <= sizes.keys():
        return None
    slab_parts = sizes.get(b"slab_reclaimable", 0) + sizes.get(b"slab_unreclaimable", 0)
    found = Composition(
        anon=sizes[b"anon"],
        file=sizes[b"file"],
        shmem=sizes[b"shmem"],
        slab=max(sizes.get(b"slab", 0), slab_parts),
        sock=sizes.get(b"sock", 0),
        page_tables=sizes.get(b"pagetables", 0) + sizes.get(b"sec_pagetables", 0),
        kernel_stack=sizes.get(b"kernel_stack", 0),
        percpu=sizes.get(b"percpu", 0),
        vmalloc=sizes.get(b"vmalloc", 0),
        zswap=sizes.get(b"zswap", 0),
        hugetlb=sizes.get(b"hugetlb", 0),
        swap=swap,
    )
    known = sum(getattr(found, name) for name in _KERNEL)
    return replace(found, kernel_other=max(sizes.get(b"kernel", 0) - known, 0))


def parse_inactive_file(text: bytes) -> int:
    """Parse the bytes of page cache that is reclaimed first from memory.stat; 0 if unknown."""
    return _size(parse_counters(text).get(b"inactive_file", 0))


def _size(number: int) -> int:
    return number if number < _NEGATIVE else 0


def parse_resident(text: bytes, page_size: int) -> int:
    """Parse the resident memory in bytes from /proc/PID/statm.

    A few pages per thread may not be counted yet (Linux Documentation/filesystems/proc.rst, table
    1-3; include/linux/mm_types_task.h).

    Raises:
        ValueError: The text is not a statm line.
    """
    fields = text.split()
    if len(fields) <= _RESIDENT:
        raise ValueError(f"/proc/PID/statm has no resident pages: {text[:80]!r}")
    return int(fields[_RESIDENT]) * page_size
