"""The list of tasks as columns of numbers: quick to sum and to compare."""

import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

LEAST_COLUMNS, MOST_COLUMNS = 5, 13
"""Numbers in a row, from Linux 2.6 on."""
_READ = (
    "uid",
    "total_vm",
    "rss",
    "swapents",
    "nr_ptes",
    "nr_pmds",
    "nr_puds",
    "pgtables_bytes",
    "oom_score_adj",
    "oom_adj",
)


class TaskColumns(Struct, frozen=True):
    """Numbers of the tasks by column, in the order of the list."""

    pids: list[int]
    names: tuple[bytes, ...]
    numbers: dict[str, tuple[bytes, ...]]

    def column(self, name: str) -> list[int]:
        """Return a column; zeros if the kernel does not print it."""
        found = self.numbers.get(name)
        return list(map(int, found)) if found else [0] * len(self.pids)

    def number(self, name: str, at: int) -> int:
        """Return a number of one task; 0 if the kernel does not print it."""
        found = self.numbers.get(name)
        return int(found[at]) if found else 0

    def sums(self, names: Sequence[str]) -> list[int]:
        """Return the sum of some columns for each task."""
        found = [self.column(each) for each in names if each in self.numbers]
        return list(map(sum, zip(*found, strict=True))) if found else [0] * len(self.pids)

    def name(self, at: int) -> str:
        """Return the name of a task."""
        return self.names[at].decode("utf-8", "surrogatepass").strip()


def task_columns(text: bytes, columns: tuple[str, ...]) -> TaskColumns:
    """Parse rows that have all columns, a line each."""
    read, pattern = _pattern(columns)
    pids, *numbers, names = zip(*pattern.findall(text), strict=True)
    return TaskColumns(list(map(int, pids)), names, dict(zip(read, numbers, strict=True)))


@lru_cache(maxsize=16)
def _pattern(columns: tuple[str, ...]) -> tuple[list[str], re.Pattern[bytes]]:
    """Return the columns that are read, and the pattern of a row; the last of a name counts."""
    places = {name: at for at, name in enumerate(columns)}
    read = [name for at, name in enumerate(columns) if name in _READ and places[name] == at]
    numbers = [
        rb"(-?\d+)" if name in read and places[name] == at else rb"-?\d+"
        for at, name in enumerate(columns)
    ]
    return read, re.compile(rb"\[ *(\d+)\] +" + rb" +".join(numbers) + rb" ([^\n]*)\n")
