"""The kernel's badness of a process, and what /proc/PID/oom_score shows of it.

Source: Linux mm/oom_kill.c, oom_badness (unchanged from 5.9 to 7.1), and fs/proc/base.c,
proc_oom_score (since 5.9; earlier kernels showed 0..1000 and never went below 0).
"""

from msgspec import Struct

NEVER = -1000
"""oom_score_adj of a process that the kernel never kills."""
THOUSAND = 1000


class ProcessMemoryUse(Struct, frozen=True):
    """What the kernel counts of a process, in pages but for the page tables.

    Attributes:
        resident: Resident pages: anonymous, file and shared memory.
        swapped: Pages in swap.
        page_table_bytes: Its page tables, in bytes (VmPTE).
    """

    resident: int
    swapped: int
    page_table_bytes: int


def badness(
    use: ProcessMemoryUse, oom_score_adj: int, total_pages: int, page_size: int
) -> int | None:
    """Return the points that the kernel compares, in pages; the highest is killed.

    Args:
        use: The memory of the process.
        oom_score_adj: -1000..1000.
        total_pages: Pages that the kernel chooses in: RAM and swap of the machine, or the limit of
            the cgroup and the swap that it may use.
        page_size: Bytes of a page.

    Returns:
        The points, which may be negative; None for a process that is never killed.
    """
    if oom_score_adj == NEVER:
        return None
    pages = use.resident + use.swapped + use.page_table_bytes // page_size
    return pages + oom_score_adj * (total_pages // THOUSAND)


def shown_score(points: int | None, total_pages: int) -> int:
    """Return what /proc/PID/oom_score shows since Linux 5.9: about 667 for an idle process.

    Args:
        points: The badness in pages, with RAM and swap of the machine as the total.
        total_pages: RAM and swap of the machine in pages.
    """
    if points is None:
        return 0
    scaled = THOUSAND + _towards_zero(points * THOUSAND, total_pages)
    return max(_towards_zero(scaled * 2, 3), 0)


def _towards_zero(number: int, divisor: int) -> int:
    """Divide as C does."""
    return abs(number) // divisor * (1 if number >= 0 else -1)
