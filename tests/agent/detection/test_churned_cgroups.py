"""Containers come and go: every descriptor and every watch is released."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.detection.detector import MAX_PATHS, Detector
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupRoot

from tests.support.fake_cgroups import SLICE, FakeCgroups

CONTAINERS = 1500
AT_A_TIME = 50


@dataclass
class Batches:
    """What the detector delivered."""

    all: list[Batch] = field(default_factory=list)
    _came: Event = field(default_factory=Event)

    def deliver(self, batch: Batch) -> None:
        self.all.append(batch)
        self._came.set()

    def until(self, done: Callable[[], bool]) -> None:
        while not done():
            assert self._came.wait(30)
            self._came.clear()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_churn_leaves_no_descriptor_no_watch_and_a_bounded_number_of_paths(tmp_path: Path) -> None:
    cgroups, batches = FakeCgroups(tmp_path), Batches()
    pod = cgroups.make(f"{SLICE}/kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice")
    top = cgroups.root / "kubepods.slice"
    kubepods = Cgroup(top.stat().st_ino, "kubepods.slice", Level.KUBEPODS)
    detector = Detector(CgroupRoot(cgroups.root), kubepods, batches.deliver)
    detector.start(lambda: None)
    batches.until(lambda: bool(batches.all))
    before = open_descriptors()
    for first in range(0, CONTAINERS, AT_A_TIME):
        numbers = range(first, first + AT_A_TIME)
        made = [cgroups.make(f"{pod}/cri-containerd-{number:064x}.scope") for number in numbers]
        (cgroups.root / pod / f"not-a-container-{first}").mkdir()  # plain files come one by one
        batches.until(lambda: len(detector._tree.nodes) == 3 + AT_A_TIME)
        cgroups.group_kill(made[0])
        for path in made:
            cgroups.remove(path)
        batches.until(lambda: len(detector._tree.nodes) == 3)
    assert open_descriptors() == before
    assert len(detector._watches._by_watch) == len(detector._watches._by_key) == 4
    assert len(detector._paths) <= MAX_PATHS
    detector.stop()
    assert detector.error is None
    appeared = {cgroup.container_id for batch in batches.all for cgroup, _ in batch.appeared}
    assert len(appeared - {None}) == CONTAINERS
