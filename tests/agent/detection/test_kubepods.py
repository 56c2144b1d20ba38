from pathlib import Path

from oomwarden.agent.detection.kubepods import KubepodsDetection
from oomwarden.agent.detection.layout import LayoutMonitor
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.kernel.cgroup.files import CgroupRoot


def test_repeated_searches_for_kubepods_leak_no_descriptors(tmp_path: Path) -> None:
    (tmp_path / "system.slice/a.service").mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    side = KubepodsDetection(tmp_path, LayoutMonitor(Inventory(), CgroupRoot(tmp_path)))
    assert side._find_once() is None
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert [side._find_once() for _ in range(5)] == [None] * 5
    assert len(list(Path("/proc/self/fd").iterdir())) == before
