"""Watches on a real directory tree, with a kernel that allows only a few."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from oomwarden.agent.detection import cgroup_watches
from oomwarden.agent.detection.cgroup_watches import CgroupWatches
from oomwarden.core.parse.cgroup_paths import child
from oomwarden.kernel.cgroup.counter_files import CounterNode, open_node
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.inotify import Inotify

from tests.support.fake_cgroups import FakeCgroups


class Small(Inotify):
    """An inotify instance that allows `room` watches."""

    room = 2

    def add(self, path: Path, mask: int) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= 1
        return super().add(path, mask)

    def remove(self, watch: int) -> None:
        self.room += 1
        super().remove(watch)


@pytest.fixture
def nodes(tmp_path: Path) -> list[CounterNode]:
    """The class, a pod and its container."""
    cgroups, root = FakeCgroups(tmp_path), CgroupRoot(tmp_path)
    pod = cgroups.pod(1)
    cgroups.container(pod, "a")
    above = find_kubepods(root)
    assert above is not None
    found: list[CounterNode] = []
    for path in ("kubepods-burstable.slice", Path(pod).name, f"cri-containerd-{'a' * 64}.scope"):
        inode = (tmp_path / above.path / path).stat().st_ino
        below = child(above, path, inode)
        assert below is not None
        found.append(open_node(root, below, None))
        above = below
    return found


Watching = Callable[..., CgroupWatches]


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    """Return a function that makes watches on a tree; they are closed at the end."""
    made: list[CgroupWatches] = []

    def begin(inotify: Inotify | None = None, root: Path = tmp_path) -> CgroupWatches:
        found = CgroupWatches(CgroupRoot(root), inotify or Inotify())
        made.append(found)
        return found

    yield begin
    for each in made:
        each.close()


def test_a_watch_on_a_limit_is_removed_to_make_room_for_a_directory(
    nodes: list[CounterNode], watching: Watching
) -> None:
    qos, pod, container = nodes
    watches = watching(Small())
    watches.watch(container)
    watches.watch(qos)
    watches.watch(pod)
    assert (watches.missing, watches.is_blind, watches.unwatched()) == (1, False, [])
    assert watches.missing_reason() == "No space left on device"


def test_a_refused_watch_is_retried_and_its_directory_is_returned(
    nodes: list[CounterNode], watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup_watches, "FIRST_RETRY_SECONDS", 0.0)
    small = Small()
    small.room = 0
    watches = watching(small)
    for node in nodes:
        watches.watch(node)
    assert (watches.missing, watches.unwatched()) == (3, nodes[:2])
    assert watches.retry() == []
    watches._retry_at = 0.0
    small.room = 2
    assert watches.retry() == nodes[:2], "directories come first"
    watches._retry_at = 0.0
    small.room = 1
    assert watches.retry() == []
    assert (watches.missing, watches.missing_reason(), watches.retry_in()) == (0, "", None)


def test_the_watch_of_a_later_cgroup_with_the_same_name_stays(
    nodes: list[CounterNode], watching: Watching, tmp_path: Path
) -> None:
    _, pod, _ = nodes
    watches = watching()
    watches.watch(pod)
    other = CounterNode(pod.cgroup, None, pod.directory, pod.events_fd, pod.limit_fd, None)
    watches.watch(other)
    watches.drop(pod)
    (tmp_path / pod.cgroup.path / "new").mkdir()
    assert [watches.node(event.watch) for event in watches.wait_for_events(1)] == [other]


def test_a_removed_cgroup_is_not_reported_as_a_missing_watch(
    nodes: list[CounterNode], watching: Watching, tmp_path: Path
) -> None:
    watches = watching(root=tmp_path / "elsewhere")
    watches.watch(nodes[0])
    assert (watches.is_blind, watches.missing_reason()) == (True, "")
    watches.drop(nodes[0])
    assert not watches.is_blind
