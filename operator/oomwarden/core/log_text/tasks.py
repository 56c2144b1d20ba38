"""The list of tasks in an OOM report: rank them as the kernel did."""

import re
from dataclasses import dataclass, field

from oomwarden.core.badness.badness import NEVER, THOUSAND, ProcessMemoryUse, badness
from oomwarden.core.log_text.messages.events import TaskRow

MAX_ROWS = 20_000
"""Rows of a list that are kept while it is read; more are counted."""
MAX_RANKED = 10
_OLD_NEVER = -17
_PAGE_SIZES = (4, 8, 16, 64)
_TABLES = ("nr_ptes", "nr_pmds", "nr_puds")


@dataclass(frozen=True, slots=True)
class RankedTask:
    """A task of the list.

    Attributes:
        memory_kb: Resident memory, page tables and swap, which the kernel compares.
        points: The kernel's badness in kB; None if it is never killed, or if the total is unknown.
        adj: oom_score_adj, or oom_adj before 2.6.36.
        is_exempt: Whether the kernel never kills it.
    """

    pid: int
    name: str
    uid: int
    rss_kb: int
    swap_kb: int
    memory_kb: int
    adj: int
    points: int | None = None
    is_exempt: bool = False


@dataclass(frozen=True, slots=True)
class TaskRanking:
    """The list of tasks, ranked.

    Attributes:
        count: Tasks in the list.
        top: The ones that the kernel would kill first.
        total_kb: What the kernel chose in: the limit, or RAM and swap; None if it is not printed.
        has_adj: Whether the list shows oom_score_adj; before 2.6.36 it showed oom_adj.
    """

    count: int
    top: tuple[RankedTask, ...]
    total_kb: int | None
    has_adj: bool
    memory_kb: int = 0


@dataclass(slots=True)
class TaskList:
    """A list of tasks while it is read."""

    columns: tuple[str, ...]
    rows: list[TaskRow] = field(default_factory=list)
    count: int = 0
    _places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._places = {name: at for at, name in enumerate(self.columns)}

    def add(self, row: TaskRow) -> None:
        """Add a row that has all columns; others are something else in brackets."""
        if len(row.numbers) != len(self.columns):
            return
        self.count += 1
        if len(self.rows) < MAX_ROWS:
            self.rows.append(row)

    def ranking(self, total_kb: int | None, victim: tuple[int, int] | None) -> TaskRanking:
        """Rank the tasks.

        Args:
            total_kb: What the kernel chose in, in kB; None if it is unknown.
            victim: Pid and total-vm in kB of the victim, which show the size of a page.
        """
        page_kb = self._page_kb(victim)
        tasks = [self._task(row, page_kb, total_kb) for row in self.rows]
        tasks.sort(key=_order)
        top = tasks[:MAX_RANKED]
        if victim and victim[0] not in {each.pid for each in top}:
            top += [each for each in tasks if each.pid == victim[0]]
        whole = sum(each.memory_kb for each in tasks)
        return TaskRanking(self.count, tuple(top), total_kb, "oom_score_adj" in self.columns, whole)

    def _page_kb(self, victim: tuple[int, int] | None) -> int:
        for row in self.rows if victim else ():
            pages = self._column(row, "total_vm")
            if victim and row.pid == victim[0] and pages and victim[1] // pages in _PAGE_SIZES:
                return victim[1] // pages
        return _PAGE_SIZES[0]

    def _task(self, row: TaskRow, page_kb: int, total_kb: int | None) -> RankedTask:
        rss, swap = self._column(row, "rss") * page_kb, self._column(row, "swapents") * page_kb
        tables = sum(self._column(row, each) for each in _TABLES) * page_kb
        tables += self._column(row, "pgtables_bytes") // 1024
        is_new = "oom_score_adj" in self.columns
        adj = self._column(row, "oom_score_adj" if is_new else "oom_adj")
        task = (row.pid, row.name, self._column(row, "uid"), rss, swap, rss + swap + tables, adj)
        if adj == (NEVER if is_new else _OLD_NEVER):
            return RankedTask(*task, is_exempt=True)
        return RankedTask(*task, points=_points(task[5], adj, total_kb) if is_new else None)

    def _column(self, row: TaskRow, name: str) -> int:
        at = self._places.get(name)
        return 0 if at is None else row.numbers[at]


def _points(memory_kb: int, adj: int, total_kb: int | None) -> int | None:
    if total_kb is None and adj != 0:
        return None
    total = (total_kb or 0) // 4
    points = badness(ProcessMemoryUse(memory_kb // 4, 0, 0), adj, total, 4096)
    return None if points is None else points * 4


def _order(task: RankedTask) -> tuple[bool, int, int]:
    """Sort what is never killed last; without a total, by oom_score_adj and then by memory."""
    if task.points is None:
        return task.is_exempt, -(task.adj * THOUSAND * THOUSAND + task.memory_kb), task.pid
    return task.is_exempt, -task.points, task.pid


def kernel_release(text: str | None) -> tuple[int, int] | None:
    """Return the version of a kernel's release, such as (3, 10)."""
    found = re.match(r"(\d+)\.(\d+)", text or "")
    return (int(found[1]), int(found[2])) if found else None
