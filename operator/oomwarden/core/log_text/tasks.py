"""The list of tasks in an OOM report: rank them as the kernel did."""

import heapq
import re
from typing import NamedTuple

from msgspec import Struct, field

from oomwarden.core.badness.badness import NEVER, THOUSAND, ProcessMemoryUse, badness
from oomwarden.core.log_text.messages.events import TaskRow
from oomwarden.core.log_text.task_columns import (
    LEAST_COLUMNS,
    MOST_COLUMNS,
    TaskColumns,
    task_columns,
)

MAX_ROWS = 20_000
"""Rows of a list that are kept while it is read; more are counted."""
MAX_RANKED = 10
_OLD_NEVER = -17
_PAGE_KB = 4
_PAGE_SIZES = (_PAGE_KB, 8, 16, 64)
_IN_PAGES = ("rss", "swapents", "nr_ptes", "nr_pmds", "nr_puds")


class RankedTask(NamedTuple):
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


class TaskRanking(Struct, frozen=True):
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


class TaskList(Struct):
    """A list of tasks while it is read; its rows stay text until they are ranked."""

    columns: tuple[str, ...]
    count: int = 0
    _kept: int = 0
    _text: list[bytes] = field(default_factory=list)

    @property
    def is_readable(self) -> bool:
        """Whether a kernel may print so many columns."""
        return LEAST_COLUMNS <= len(self.columns) <= MOST_COLUMNS

    def add(self, row: TaskRow) -> None:
        """Add a row that has all columns; others are something else in brackets."""
        if len(row.numbers) == len(self.columns):
            text = f"[{row.pid}] {' '.join(map(str, row.numbers))} {row.name}\n"
            self.add_rows(text.encode("utf-8", "surrogatepass"))

    def add_rows(self, text: bytes) -> None:
        """Add rows that have all columns, a line each."""
        count = text.count(b"\n")
        self.count += count
        left = MAX_ROWS - self._kept
        if count > left:
            text, count = b"".join(text.splitlines(keepends=True)[:left]), left
        if count:
            self._text.append(text)
            self._kept += count

    def ranking(self, total_kb: int | None, victim: tuple[int, int] | None) -> TaskRanking:
        """Rank the tasks.

        Args:
            total_kb: What the kernel chose in, in kB; None if it is unknown.
            victim: Pid and total-vm in kB of the victim, which show the size of a page.
        """
        tasks = task_columns(b"".join(self._text), self.columns)
        page_kb = _page_kb(tasks, victim)
        has_adj = "oom_score_adj" in self.columns
        adj = tasks.column("oom_score_adj" if has_adj else "oom_adj")
        shifts = {each: _shift(each, total_kb, has_adj=has_adj) for each in set(adj)}
        memory = _memory_kb(tasks, page_kb)
        keys = _keys(memory, [shifts[each] for each in adj], tasks.pids)
        top = heapq.nsmallest(MAX_RANKED, keys)
        if victim and victim[0] not in {tasks.pids[key[-1]] for key in top}:
            top += sorted(keys[at] for at, pid in enumerate(tasks.pids) if pid == victim[0])
        ranked = tuple(
            RankedTask(
                pid=tasks.pids[at],
                name=tasks.name(at),
                uid=tasks.number("uid", at),
                rss_kb=tasks.number("rss", at) * page_kb,
                swap_kb=tasks.number("swapents", at) * page_kb,
                memory_kb=memory[at],
                adj=adj[at],
                points=-least if shifts[adj[at]].is_known else None,
                is_exempt=is_exempt,
            )
            for is_exempt, least, _, at in top
        )
        return TaskRanking(self.count, ranked, total_kb, has_adj, sum(memory))


class _Shift(NamedTuple):
    """What oom_score_adj does to memory in kB: it is cut to whole units, and this is added."""

    is_exempt: bool
    is_known: bool
    unit: int
    added: int


def _shift(adj: int, total_kb: int | None, *, has_adj: bool) -> _Shift:
    """Return the shift to badness in kB; without a total, oom_score_adj decides, then memory."""
    total = (total_kb or 0) // _PAGE_KB
    points = badness(ProcessMemoryUse(0, 0, 0), adj, total, _PAGE_KB * 1024)
    if points is None or not has_adj or (total_kb is None and adj != 0):
        is_exempt = adj == (NEVER if has_adj else _OLD_NEVER)
        return _Shift(is_exempt, is_known=False, unit=1, added=adj * THOUSAND * THOUSAND)
    return _Shift(is_exempt=False, is_known=True, unit=_PAGE_KB, added=points * _PAGE_KB)


def _keys(
    memory: list[int], shifts: list[_Shift], pids: list[int]
) -> list[tuple[bool, int, int, int]]:
    """Return for each task by what it is sorted, and its place; what is never killed is last."""
    return [
        (is_exempt, kb % unit - kb - added, pid, at)
        for at, (kb, (is_exempt, _, unit, added), pid) in enumerate(
            zip(memory, shifts, pids, strict=True)
        )
    ]


def _page_kb(tasks: TaskColumns, victim: tuple[int, int] | None) -> int:
    if victim is not None and victim[0] in tasks.pids:
        for at, pid in enumerate(tasks.pids):
            pages = tasks.number("total_vm", at) if pid == victim[0] else 0
            if pages and victim[1] // pages in _PAGE_SIZES:
                return victim[1] // pages
    return _PAGE_KB


def _memory_kb(tasks: TaskColumns, page_kb: int) -> list[int]:
    """Return resident memory, swap and page tables of each task."""
    pages, tables = tasks.sums(_IN_PAGES), tasks.column("pgtables_bytes")
    return [each * page_kb + size // 1024 for each, size in zip(pages, tables, strict=True)]


def kernel_release(text: str | None) -> tuple[int, int] | None:
    """Return the version of a kernel's release, such as (3, 10)."""
    found = re.match(r"(\d+)\.(\d+)", text or "")
    return (int(found[1]), int(found[2])) if found else None
