"""Whom the kernel would kill next: processes in the order of their badness in one memory domain.

Source: Linux mm/oom_kill.c, select_bad_process and oom_evaluate_task (5.10 to 7.1).
"""

from collections.abc import Iterable

from msgspec import Struct

from oomwarden.core.badness.badness import THOUSAND, ProcessMemoryUse, badness


class Candidate(Struct, frozen=True):
    """A process among which the kernel chooses.

    Attributes:
        command: Its comm.
        container: Index of its container among those of the reading; None outside of pods.
        unit: The last part of its cgroup's path, outside of pods: kubelet.service.
        protected: The kernel never kills it, whatever its score: the first process of the machine.
    """

    pid: int
    command: str
    use: ProcessMemoryUse
    oom_score_adj: int
    container: int | None = None
    unit: str = ""
    protected: bool = False


class Ranked(Struct, frozen=True):
    """A candidate and its place.

    Attributes:
        points: What the kernel compares, in pages; None if it never kills the process.
        rank: 1 for the process that is killed first; None if it is never killed.
    """

    candidate: Candidate
    points: int | None
    rank: int | None


class MemoryScale(Struct, frozen=True):
    """What the kernel chooses in.

    Attributes:
        total_pages: RAM and swap of the machine, or a cgroup's limit and the swap that it may use.
        page_size: Bytes of a page.
    """

    total_pages: int
    page_size: int

    def thousandths(self, size: int) -> float:
        """Return a number of bytes in thousandths of the total."""
        return size / self.page_size * THOUSAND / max(self.total_pages, 1)


def rank(candidates: Iterable[Candidate], scale: MemoryScale) -> list[Ranked]:
    """Return all candidates, the one that the kernel kills first at the beginning.

    Of two with the same points the kernel takes the one that it visits last, which is usually the
    one that was started last, so that its pid is higher. Processes that are never killed come last.
    """
    judged = [(_points(each, scale), each) for each in candidates]
    mortal = sorted(
        ((points, each) for points, each in judged if points is not None),
        key=lambda pair: (-pair[0], -pair[1].pid),
    )
    immortal = sorted(
        (each for points, each in judged if points is None), key=lambda each: each.pid
    )
    ranked = [Ranked(each, points, place) for place, (points, each) in enumerate(mortal, 1)]
    return [*ranked, *(Ranked(each, None, None) for each in immortal)]


def _points(candidate: Candidate, scale: MemoryScale) -> int | None:
    if candidate.protected:
        return None
    adj = candidate.oom_score_adj
    return badness(candidate.use, adj, scale.total_pages, scale.page_size)


def cgroup_total_pages(
    limit: int, swap_limit: int | None, swap_total: int, swappiness: int, page_size: int
) -> int:
    """Return the pages that the kernel chooses in at a cgroup's limit.

    Swap counts only if the kernel swaps at all (Linux mm/memcontrol.c, mem_cgroup_get_max).

    Args:
        limit: memory.max in bytes.
        swap_limit: memory.swap.max in bytes; None for `max`.
        swap_total: Swap of the machine in bytes.
        swappiness: vm.swappiness.
        page_size: Bytes of a page.
    """
    swap = swap_total if swap_limit is None else min(swap_limit, swap_total)
    return (limit + (swap if swappiness else 0)) // page_size
