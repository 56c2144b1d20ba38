"""OOMKill's `memory`: what was seen of the container before the kill."""

from pydantic import Field

from oomwarden.api.base import Model, Quantity, Timestamp
from oomwarden.api.free_text import Text96

LONGEST_COMMAND = 96
"""Characters of a comm: 15 bytes, of which each may be escaped by six."""


class ProcessMemory(Model):
    """A process of the container, as it was seen before the kill."""

    pid: int = Field(description="Process id on the node.")
    command: Text96 = Field(
        description="The process's comm: 15 bytes of its program's name at most, not its command "
        "line. Unprintable characters are escaped."
    )
    rss: Quantity = Field(
        description="Memory in RAM, in bytes (480Mi): anonymous, mapped files and shared; what "
        "several processes share counts for each."
    )
    oom_score_adj: int | None = Field(
        None, description="oom_score_adj then, -1000..1000, without a unit."
    )


class MemoryParts(Model):
    """What charged memory consists of; the parts but shmem add up to about usage."""

    at: Timestamp = Field(description="When it was read (RFC 3339, UTC).")
    usage: Quantity = Field(description="Memory that the kernel charged then, in bytes (510Mi).")
    anon: Quantity | None = Field(
        None, description="Of it anonymous memory such as heaps and stacks, in bytes (480Mi)."
    )
    file: Quantity | None = Field(
        None,
        description="Of it page cache, in bytes (30Mi); includes shmem. The rest the kernel can "
        "mostly take back.",
    )
    shmem: Quantity | None = Field(
        None,
        description="Of it tmpfs (emptyDir with medium Memory, /dev/shm) and shared memory, in "
        "bytes (12Mi): it stays until it is deleted.",
    )
    slab: Quantity | None = Field(
        None,
        description="Of it the kernel's objects, in bytes (29Gi): mostly inodes and directory "
        "entries of files that were used. Absent, as of the parts below: none, or this kernel does "
        "not say.",
    )
    sock: Quantity | None = Field(
        None, description="Of it buffers of network connections, in bytes (64Mi)."
    )
    page_tables: Quantity | None = Field(
        None,
        description="Of it page tables, in bytes (50Mi): large address spaces, many processes.",
    )
    kernel_stack: Quantity | None = Field(
        None, description="Of it kernel stacks, in bytes (18Mi): 16Ki for each thread."
    )
    percpu: Quantity | None = Field(
        None, description="Of it the kernel's data for each CPU, in bytes (1Mi)."
    )
    vmalloc: Quantity | None = Field(
        None, description="Of it memory that the kernel mapped piece by piece, in bytes (4Mi)."
    )
    zswap: Quantity | None = Field(
        None, description="Of it compressed memory that was swapped out, in bytes (40Mi)."
    )
    hugetlb: Quantity | None = Field(
        None, description="Of it huge pages, where they are charged as memory, in bytes (2Mi)."
    )
    kernel_other: Quantity | None = Field(
        None, description="Of it what else the kernel keeps, in bytes (3Mi)."
    )
    swap: Quantity | None = Field(
        None, description="Beside it: what lies in swap and is not part of usage, in bytes (1Gi)."
    )


class MemoryDetail(MemoryParts):
    """A closer look at the container, taken while it was near its limit."""

    process_count: int | None = Field(
        None, description="Number of processes in the container.", ge=0
    )
    processes: tuple[ProcessMemory, ...] = Field(
        (),
        description="The processes with most memory in RAM, the largest first, 5 at most. "
        "Absent: there were none, or too many to compare.",
        max_length=5,
    )


class MemorySample(Model):
    """One reading of memory.current."""

    at: Timestamp = Field(description="When it was read (RFC 3339, UTC).")
    usage: Quantity = Field(
        description="Memory that the kernel charged to the container then, in bytes (510Mi)."
    )


class Memory(Model):
    """What was seen of the container's memory before the kill."""

    at: Timestamp = Field(description="When the last reading was made (RFC 3339, UTC).")
    usage: Quantity = Field(
        description="Memory that the kernel charged to the container at the last reading before "
        "the kill (memory.current), in bytes (510Mi). It may have grown since."
    )
    detail: MemoryDetail | None = Field(
        None,
        description="A closer look at the container shortly before the kill. Absent: it was not "
        "seen near its limit, or grew too fast.",
    )
    samples: tuple[MemorySample, ...] = Field(
        (),
        description="Readings of the last five minutes, the oldest first, one in 10 seconds, 30 "
        "at most.",
        max_length=30,
    )
