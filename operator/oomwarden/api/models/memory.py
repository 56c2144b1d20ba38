"""OOMKill's `memory`: what was observed of the container before the kill."""

from pydantic import Field

from oomwarden.api.models.base import Model, Quantity, Text96, Text256, Timestamp
from oomwarden.api.vocabulary import MAX_HISTORY


class ProcessMemory(Model):
    """A process of the container, as observed before the kill."""

    pid: int = Field(description="Process id on the node.")
    command: Text96 = Field(
        description=(
            "The process's comm: at most 15 bytes of the program's name, not the command line. "
            "Unprintable characters are escaped."
        )
    )
    rss: Quantity = Field(
        description=(
            "Memory in RAM, in bytes (480Mi): anonymous, mapped files and shared. Memory that "
            "several processes share counts for each of them."
        )
    )
    oom_score_adj: int | None = Field(
        None, description="oom_score_adj at that time, -1000..1000, without a unit."
    )


class MemoryParts(Model):
    """What charged memory consists of. The parts except shmem add up to about usage."""

    at: Timestamp = Field(description="When it was read (RFC 3339, UTC).")
    usage: Quantity = Field(description="Memory that the kernel had charged, in bytes (510Mi).")
    anon: Quantity | None = Field(
        None, description="Anonymous memory, such as heaps and stacks, in bytes (480Mi)."
    )
    file: Quantity | None = Field(
        None,
        description=(
            "Page cache, in bytes (30Mi), including shmem. The kernel can mostly reclaim the rest."
        ),
    )
    shmem: Quantity | None = Field(
        None,
        description=(
            "tmpfs (emptyDir with medium Memory, /dev/shm) and shared memory, in bytes (12Mi): "
            "it stays until it is deleted."
        ),
    )
    slab: Quantity | None = Field(
        None,
        description=(
            "Kernel objects, in bytes (29Gi): mostly inodes and directory entries of files that "
            "were used. Absent, like the parts below: none, or this kernel does not report it."
        ),
    )
    sock: Quantity | None = Field(
        None, description="Buffers of network connections, in bytes (64Mi)."
    )
    page_tables: Quantity | None = Field(
        None,
        description="Page tables, in bytes (50Mi): large address spaces, many processes.",
    )
    kernel_stack: Quantity | None = Field(
        None, description="Kernel stacks, in bytes (18Mi): 16Ki per thread."
    )
    percpu: Quantity | None = Field(None, description="Per-CPU data of the kernel, in bytes (1Mi).")
    vmalloc: Quantity | None = Field(
        None, description="Memory that the kernel mapped with vmalloc, in bytes (4Mi)."
    )
    zswap: Quantity | None = Field(
        None, description="Compressed memory that was swapped out, in bytes (40Mi)."
    )
    hugetlb: Quantity | None = Field(
        None, description="Huge pages, if they are charged as memory, in bytes (2Mi)."
    )
    kernel_other: Quantity | None = Field(
        None, description="Other memory of the kernel, in bytes (3Mi)."
    )
    swap: Quantity | None = Field(
        None, description="Memory in swap, which is not part of usage, in bytes (1Gi)."
    )


class MemoryDetail(MemoryParts):
    """A detailed reading of the container, made while it was near its limit."""

    process_count: int | None = Field(
        None, description="Number of processes in the container.", ge=0
    )
    processes: tuple[ProcessMemory, ...] = Field(
        (),
        description=(
            "The processes with the most memory in RAM, the largest first, 5 at most. Absent: "
            "there were none, or too many to compare."
        ),
        max_length=5,
    )


class MemorySample(Model):
    """One reading of memory.current."""

    at: Timestamp = Field(description="When it was read (RFC 3339, UTC).")
    usage: Quantity = Field(
        description="Memory that the kernel had charged to the container, in bytes (510Mi)."
    )


class MemoryPattern(Model):
    """What the container's memory looked like before the kill."""

    name: str = Field(
        description=(
            "Leak, Sawtooth, Steady, Startup, Spike, or Unknown where the readings show none of "
            "these, or are too few. A leak takes hours to show."
        ),
        max_length=32,
    )
    evidence: Text256 = Field(description="The figures that decided, in one sentence.")


class Memory(Model):
    """The container's memory before the kill."""

    at: Timestamp = Field(description="When the last reading was made (RFC 3339, UTC).")
    usage: Quantity = Field(
        description="Memory that the kernel charged to the container at the last reading before "
        "the kill (memory.current), in bytes (510Mi). It may have grown since."
    )
    detail: MemoryDetail | None = Field(
        None,
        description=(
            "A detailed reading of the container shortly before the kill. Absent: it was not "
            "seen near its limit, or grew too fast."
        ),
    )
    samples: tuple[MemorySample, ...] = Field(
        (),
        description=(
            "Readings of the last five minutes, the oldest first, one every 10 seconds, 30 at most."
        ),
        max_length=30,
    )
    history: tuple[MemorySample, ...] = Field(
        (),
        description=(
            f"Readings of up to a day before the kill, the oldest first, {MAX_HISTORY} at most. "
            "Absent: the agent or the container had started a few minutes before."
        ),
        max_length=MAX_HISTORY,
    )
    pattern: MemoryPattern | None = Field(
        None, description="What history and samples look like. Absent: an older agent wrote it."
    )
