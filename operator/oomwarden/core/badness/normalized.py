"""The well-known score: thousandths of the total, plus oom_score_adj; and a process's memory.

It is what /proc/PID/oom_score showed from Linux 2.6.36 to 5.8 (mm/oom_kill.c, oom_badness), less
the bonuses of those kernels.
"""

from collections.abc import Mapping

from oomwarden.core.badness.badness import NEVER, THOUSAND, ProcessMemoryUse


def normalized_score(usage: int, total: int, oom_score_adj: int) -> int:
    """Return 0 (never killed) to 1000 (killed first).

    Args:
        usage: Resident memory, swap and page tables of the process, in bytes or pages.
        total: What the kernel chooses in, in the same unit: RAM and swap, or a cgroup's limit.
        oom_score_adj: -1000..1000.
    """
    if oom_score_adj == NEVER:
        return 0
    return min(max(usage * THOUSAND // total + oom_score_adj, 0), THOUSAND)


def memory_use(sizes: Mapping[str, int], page_size: int) -> ProcessMemoryUse | None:
    """Return what the kernel counts of a process; None if it has no memory, as kernel threads.

    Args:
        sizes: The sizes of /proc/PID/status in bytes. VmPTE counts all levels of page tables
            (Linux fs/proc/task_mmu.c, mm_pgtables_bytes, since 4.15).
        page_size: Bytes of a page.
    """
    if "VmRSS" not in sizes:
        return None
    resident, swapped = sizes["VmRSS"] // page_size, sizes.get("VmSwap", 0) // page_size
    return ProcessMemoryUse(resident, swapped, sizes.get("VmPTE", 0))
