"""The detector alone, on a fake cgroup tree with real inotify."""

import threading
from pathlib import Path

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.detection.detector import Detector
from oomwarden.core.ledger.account import Reading
from oomwarden.kernel.cgroup.counter_files import CounterNode
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.cgroup.tree import CounterTree

from tests.support.fake_cgroups import FakeCgroups


class LateContainer(CounterTree):
    """A container appears, is killed and vanishes between the reads of events and counters."""

    cgroups: FakeCgroups | None = None
    pod: str = ""
    done: bool = False

    def sweep(self, node: CounterNode, *, force: bool = False) -> list[Reading]:
        if self.cgroups and node.parent is None and not force and not self.done:
            self.done = True
            late = self.cgroups.container(self.pod, "b")
            self.cgroups.group_kill(late)
            self.cgroups.remove(late)
        return super().sweep(node, force=force)


def test_a_pods_count_arrives_with_the_container_that_it_counts(tmp_path: Path) -> None:
    cgroups = FakeCgroups(tmp_path)
    pod = cgroups.pod(1)
    cgroups.container(pod, "a")
    root = CgroupRoot(tmp_path)
    kubepods = find_kubepods(root)
    assert kubepods is not None
    batches: list[Batch] = []
    counted = threading.Event()

    def deliver(batch: Batch) -> None:
        batches.append(batch)
        if any(reading.events.oom_kill for reading in batch.readings):
            counted.set()
        if len(batches) == 1:
            cgroups.count(0, 0, "kubepods.slice")  # wakes the detector

    detector = Detector(root, kubepods, deliver)
    tree = LateContainer(root, detector._appeared, detector._vanished)
    tree.cgroups, tree.pod = cgroups, pod
    detector._tree = tree
    detector.start(lambda: None)
    try:
        assert counted.wait(10)
    finally:
        detector.stop()
    (batch,) = [one for one in batches if any(r.events.oom_kill for r in one.readings)]
    assert [cgroup.path[-70:-6] for cgroup, _ in batch.appeared] == ["b" * 64]
    assert [cgroup.path[-70:-6] for cgroup in batch.vanished] == ["b" * 64]
