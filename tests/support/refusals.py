"""A kernel that refuses watches, or the opening of cgroups, for a while."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.reporting.blindness import Blindness
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.counter_files import CounterNode, open_node
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.inotify import Inotify

from tests.support.books_node import BooksNode
from tests.support.fake_cgroups import FakeCgroups


def answer_enodev(monkeypatch: pytest.MonkeyPatch) -> None:
    """A removed cgroup's file answers ENODEV; a plain one stays readable."""
    read = files.read

    def read_or_gone(fd: int) -> bytes:
        if os.fstat(fd).st_nlink == 0:
            raise CgroupGoneError(str(fd))
        return read(fd)

    monkeypatch.setattr(files, "read", read_or_gone)


class Refusals:
    """The kernel refuses watches on paths that hold `part`, or the opening of such cgroups."""

    part = "-pod"
    on = True

    def add(self, real: Callable[[Inotify, Path, int], int]) -> Callable[[Inotify, Path, int], int]:
        def add(one: Inotify, path: Path, mask: int) -> int:
            if self.on and self.part in str(path):
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(one, path, mask)

        return add

    def open_node(
        self, root: CgroupRoot, cgroup: Cgroup, parent: CounterNode | None
    ) -> CounterNode:
        if self.on and self.part in cgroup.path:
            raise OSError(errno.EMFILE, "Too many open files")
        return open_node(root, cgroup, parent)


async def soon(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 10 s")


def kill_and_end(cgroups: FakeCgroups, killed: str, *ended: str) -> None:
    """One process is killed; the pod's containers have ended before its counter is read."""
    for level in (killed, *cgroups.above(killed)):
        if level == "kubepods.slice":  # this wakes the agent
            for path in (killed, *ended):
                cgroups.remove(path)
        _, kills, groups = cgroups.read(level, "memory.events")
        cgroups.count(kills + 1, groups, level)


def blindness(books: BooksNode) -> Blindness:
    assert books.detector is not None
    return books.detector.blindness
