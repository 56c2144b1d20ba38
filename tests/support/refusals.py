"""A kernel that refuses watches or opening cgroups for a while."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.reporting.detection_gaps import DetectionGaps
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.counter_files import CounterNode, open_node
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.inotify import Inotify

from tests.support.fake_cgroups import FakeCgroups
from tests.support.recorder_node import RecorderNode


def answer_enodev(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reads of removed files fail with ENODEV, as in cgroups; plain files stay readable."""
    read = files.read

    def read_or_gone(fd: int) -> bytes:
        if os.fstat(fd).st_nlink == 0:
            raise CgroupGoneError(str(fd))
        return read(fd)

    monkeypatch.setattr(files, "read", read_or_gone)


class Refusals:
    """Refuses watches on paths that contain `part`, or opening such cgroups."""

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
    """Kill one process; the pod's containers have ended before its counter is read."""
    for level in (killed, *cgroups.above(killed)):
        if level == "kubepods.slice":  # this wakes the agent
            for path in (killed, *ended):
                cgroups.remove(path)
        _, kills, groups = cgroups.read(level, "memory.events")
        cgroups.count(kills + 1, groups, level)


def blindness(node: RecorderNode) -> DetectionGaps:
    assert node.detector is not None
    return node.detector.blindness
