"""What filled a limit, in words, by the part of the memory."""

TMPFS = "tmpfs and shared memory (emptyDir with medium Memory, /dev/shm)"
FILLED = {
    "shmem": f"was {TMPFS}, which stays until its files are deleted and the processes that share "
    "it have exited",
    "file": "was page cache shortly before: the kernel could not reclaim it because it was locked, "
    "or written faster than the disk allows",
    "slab": "was the kernel's own objects (slab), mostly inodes and directory entries of the files "
    "that it used",
    "sock": "was buffers of network connections: check whether one side reads too slowly",
    "page_tables": "was page tables: fewer or smaller mappings, or huge pages, need less",
    "kernel_stack": "was kernel stacks: it has very many threads",
    "percpu": "was the kernel's per-CPU data, as cgroups and BPF maps need it",
    "vmalloc": "was memory that the kernel mapped for it, as BPF programs and ring buffers need it",
    "zswap": "was compressed memory that had been swapped out (zswap)",
    "hugetlb": "was huge pages",
    "kernel_other": "was other kernel memory that is charged to it",
}
"""What a part was, by its name in `Composition`: the end of "Most of the memory ..."."""
