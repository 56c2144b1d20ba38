"""Limit hits are read only where a counter has moved."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from oomwarden.core.model.cgroup import Cgroup, Level, LimitHits
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.limit_hits import LimitHitFiles, read_stalls

from tests.support.fake_cgroups import UID, FakeCgroups

TOP = "kubepods.slice"
STALLS = """some avg10=1.00 avg60=2.50 avg300=0.10 total=5
full avg10=0.00 avg60=0.25 avg300=0.00 total=1
"""


class Host:
    """Two pods with a container each."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.cgroups = FakeCgroups(root)
        self.pods = [self.cgroups.pod(number) for number in (1, 2)]
        self.apps = [self.cgroups.container(pod, "ab"[n]) for n, pod in enumerate(self.pods)]
        self.files = LimitHitFiles(CgroupRoot(root))
        self.top = self.cgroup(TOP, Level.KUBEPODS)

    def cgroup(self, path: str, level: Level) -> Cgroup:
        return Cgroup((self.cgroups.root / path).stat().st_ino, path, level, UID.format(1))

    def read(self) -> dict[str, LimitHits]:
        """Read all pods; return counters by path."""
        known = [
            (self.cgroup(pod, Level.POD), [self.cgroup(app, Level.CONTAINER)])
            for pod, app in zip(self.pods, self.apps, strict=True)
            if (self.cgroups.root / app).exists()
        ]
        paths = {each.inode: each.path for pod, below in known for each in (pod, *below)}
        return {paths[inode]: hits for inode, hits in self.files.read(known).own.items()}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "cgroup")
    yield host
    host.files.close()


def test_nothing_moves_on_a_calm_node(host: Host) -> None:
    assert host.files.has_moved(host.top)
    assert not host.files.has_moved(host.top)
    host.cgroups.hit_limit(host.apps[0])
    assert host.files.has_moved(host.top)
    assert not host.files.has_moved(host.top)


def test_pods_that_never_hit_a_limit_are_zero_without_another_open_file(host: Host) -> None:
    host.files.has_moved(host.top)
    assert set(host.read().values()) == {LimitHits()}
    assert len(host.files._open) == 1 + len(host.pods)


def test_only_the_pod_that_moved_is_read_with_its_containers(host: Host) -> None:
    host.files.has_moved(host.top)
    host.read()
    host.cgroups.hit_limit(host.apps[1], 3, failures=1)
    assert host.read() == {host.pods[1]: LimitHits(), host.apps[1]: LimitHits(3, 1)}
    assert host.read() == {}


def test_a_pods_own_limit_is_its_own_count(host: Host) -> None:
    host.cgroups.hit_limit(host.pods[0], 4)
    assert host.read()[host.pods[0]] == LimitHits(4)
    assert host.read() == {}


def test_files_of_removed_cgroups_are_closed(host: Host) -> None:
    host.cgroups.hit_limit(host.apps[0])
    host.files.has_moved(host.top)
    host.read()
    host.cgroups.remove(host.pods[0])
    host.read()
    assert len(host.files._open) == 2  # the top and the other pod
    host.files.close()
    assert host.files._open == {}


@pytest.mark.parametrize("text", [b"", b"garbage\n", b"max x\noom 0\n", b"\xff\xfe" * 40, b"max 1"])
def test_a_torn_or_strange_file_is_left_out(host: Host, text: bytes) -> None:
    host.cgroups.hit_limit(host.apps[0])
    (host.cgroups.root / host.apps[0] / "memory.events.local").write_bytes(text)
    assert host.apps[0] not in host.read()


def test_a_file_that_cannot_be_read_is_counted(host: Host) -> None:
    name = host.cgroups.root / host.pods[0] / "memory.events"
    name.unlink()
    name.mkdir()
    host.read()
    assert host.files.unreadable == 1


def test_stalls_are_read_where_the_kernel_measures_them(host: Host) -> None:
    app, root = host.cgroup(host.apps[0], Level.CONTAINER), CgroupRoot(host.cgroups.root)
    assert read_stalls(root, app) is None
    (host.cgroups.root / app.path / "memory.pressure").write_text(STALLS)
    found = read_stalls(root, app)
    assert found is not None
    assert found.full is not None
    assert (found.some.avg60, found.full.avg60) == (2.5, 0.25)
    (host.cgroups.root / app.path / "memory.pressure").write_bytes(b"\xff\xfe")
    assert read_stalls(root, app) is None
