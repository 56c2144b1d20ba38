"""Containers come and go: every descriptor and every watch is released."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.detection.detector import MAX_PATHS, Detector
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupRoot

from tests.support.fake_cgroups import SLICE, FakeCgroups

CONTAINERS = 1500
AT_A_TIME = 50


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        os.sched_yield()


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_churn_leaves_no_descriptor_no_watch_and_a_bounded_number_of_paths(tmp_path: Path) -> None:
    cgroups, batches = FakeCgroups(tmp_path), list[Batch]()
    pod = cgroups.make(f"{SLICE}/kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice")
    top = cgroups.root / "kubepods.slice"
    kubepods = Cgroup(top.stat().st_ino, "kubepods.slice", Level.KUBEPODS)
    detector = Detector(CgroupRoot(cgroups.root), kubepods, batches.append)
    detector.start(lambda: None)
    until(lambda: len(batches) > 0)
    before = open_descriptors()
    for first in range(0, CONTAINERS, AT_A_TIME):
        numbers = range(first, first + AT_A_TIME)
        made = [cgroups.make(f"{pod}/cri-containerd-{number:064x}.scope") for number in numbers]
        until(lambda: len(detector._tree.nodes) == 3 + AT_A_TIME)
        cgroups.group_kill(made[0])
        for path in made:
            cgroups.remove(path)
        until(lambda: len(detector._tree.nodes) == 3)
    assert open_descriptors() == before
    assert len(detector._watches._by_watch) == len(detector._watches._by_key) == 4
    assert len(detector._paths) <= MAX_PATHS
    detector.stop()
    assert detector.error is None
    appeared = {cgroup.container_id for batch in batches for cgroup, _ in batch.appeared}
    assert len(appeared - {None}) == CONTAINERS
