"""A process with its scores: the well-known one, the kernel's badness, and what /proc shows."""

from collections.abc import Iterable

from msgspec import Struct

from oomwarden.core.badness.badness import ProcessMemoryUse, badness, shown_score
from oomwarden.core.badness.normalized import normalized_score

FIRST_PID = 1
"""The kernel never chooses init of the first PID namespace."""


class ScoredProcess(Struct, frozen=True):
    """A process, or the figures of one.

    Attributes:
        total: What the kernel chooses in, in bytes: RAM and swap, or a limit.
        page_size: Bytes of a page.
        points: Badness in pages; None if it is never killed.
        normalized: Thousandths of the total, plus oom_score_adj: 0..1000.
        shown: What /proc/PID/oom_score shows since Linux 5.9.
        pid: None on paper, as the following.
        command: Its comm.
        kernel_score: /proc/PID/oom_score as it was read.
    """

    use: ProcessMemoryUse
    oom_score_adj: int
    total: int
    page_size: int
    points: int | None
    normalized: int
    shown: int
    pid: int | None = None
    command: str | None = None
    kernel_score: int | None = None

    @property
    def pages(self) -> int:
        """What counts of its memory, in pages."""
        return self.use.resident + self.use.swapped + self.use.page_table_bytes // self.page_size

    @property
    def usage(self) -> int:
        """What counts of its memory, in bytes."""
        return self.pages * self.page_size

    @property
    def total_pages(self) -> int:
        """What the kernel chooses in, in pages."""
        return self.total // self.page_size


def scored(use: ProcessMemoryUse, oom_score_adj: int, total: int, page_size: int) -> ScoredProcess:
    """Return a process with its scores.

    Args:
        use: Its memory.
        oom_score_adj: -1000..1000.
        total: What the kernel chooses in, in bytes; a page at least.
        page_size: Bytes of a page.
    """
    total_pages = total // page_size
    points = badness(use, oom_score_adj, total_pages, page_size)
    pages = use.resident + use.swapped + use.page_table_bytes // page_size
    return ScoredProcess(
        use,
        oom_score_adj,
        total,
        page_size,
        points,
        normalized_score(pages, total_pages, oom_score_adj),
        shown_score(points, total_pages),
    )


def ranked(processes: Iterable[ScoredProcess]) -> list[ScoredProcess]:
    """Return the processes in the order in which the kernel would choose them.

    Of equals it takes the one that it meets last, which is nearly always the younger one (Linux
    mm/oom_kill.c, oom_evaluate_task). Those that it never chooses come last.
    """

    def preference(process: ScoredProcess) -> tuple[bool, int, int]:
        pid = process.pid or 0
        is_candidate = process.points is not None and pid != FIRST_PID
        return is_candidate, process.points or 0, pid

    return sorted(processes, key=preference, reverse=True)
