"""The tree of counters, without a detector."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from oomwarden.core.ledger.account import Reading
from oomwarden.core.model.cgroup import Level
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.cgroup.tree import CounterTree

from tests.support.fake_cgroups import FakeCgroups

NOTHING_COUNTED = "low 0\n"


def readings_after_a_limit_is_set(root: Path, counters: str | None = None) -> list[Reading]:
    """Find a new container without a limit, and read it when the runtime sets one."""
    cgroups, found = FakeCgroups(root), find_kubepods(CgroupRoot(root))
    assert found is not None
    path = cgroups.container(cgroups.pod(1), "a")
    tree = CounterTree(CgroupRoot(root), lambda _: None, lambda _: None)
    top = tree.start(found)
    (new,) = [each for each in tree.nodes.values() if each.cgroup.level is Level.CONTAINER]
    (root / path / "memory.max").write_text("33554432\n")
    if counters is not None:
        (root / path / "memory.events").write_text(counters)
    readings = tree.read_changed_limit(new)
    tree.drop(top)  # closes its files
    return readings


def test_a_limit_that_a_new_container_gets_is_read_before_its_first_kill(tmp_path: Path) -> None:
    (reading,) = readings_after_a_limit_is_set(tmp_path)
    assert (reading.limit, reading.events.oom_kill) == (32 << 20, 0)


def test_counters_that_are_torn_are_not_reported_with_a_new_limit(tmp_path: Path) -> None:
    assert readings_after_a_limit_is_set(tmp_path, NOTHING_COUNTED) == []


def test_only_levels_with_another_number_of_pods_are_listed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cgroups = FakeCgroups(tmp_path)
    pods = [cgroups.pod(number) for number in (1, 2)]
    app = cgroups.container(pods[0], "a")
    found, appeared, vanished = find_kubepods(CgroupRoot(tmp_path)), list[str](), list[str]()
    assert found is not None
    tree = CounterTree(
        CgroupRoot(tmp_path),
        lambda node: appeared.append(node.cgroup.path),
        lambda node: vanished.append(node.cgroup.path),
    )
    top = tree.start(found)
    new = cgroups.pod(3)
    appeared.clear()
    listings, children = list[int](), files.children

    def listed(directory: int) -> Iterator[tuple[str, int]]:
        listings.append(directory)
        return children(directory)

    monkeypatch.setattr(files, "children", listed)
    tree.rescan_all(top, force=False)
    assert (appeared, len(listings)) == ([new], 2), "the level, and the new pod"
    tree.rescan_all(top, force=False)
    assert len(listings) == 2
    cgroups.remove(app)
    other, swapped = cgroups.container(pods[0], "c"), cgroups.container(pods[1], "d")
    tree.rescan_all(top, force=False)
    assert (vanished, len(listings)) == ([], 2), "inotify tells, or the next whole rescan"
    tree.rescan_all(top)
    assert (vanished, sorted(appeared), len(listings)) == ([app], sorted([new, other, swapped]), 7)
    tree.drop(top)


def test_a_cgroup_that_has_no_memory_controller_yet_is_tried_again(tmp_path: Path) -> None:
    cgroups, found = FakeCgroups(tmp_path), find_kubepods(CgroupRoot(tmp_path))
    assert found is not None
    pod = cgroups.pod(1)
    path = cgroups.container(pod, "a")
    (tmp_path / path / "memory.events").rename(tmp_path / "later")
    tree = CounterTree(CgroupRoot(tmp_path), lambda _: None, lambda _: None)
    top = tree.start(found)
    assert path not in [each.cgroup.path for each in tree.nodes.values()]
    (tmp_path / "later").rename(tmp_path / path / "memory.events")
    tree.rescan_all(top, force=False)
    assert path in [each.cgroup.path for each in tree.nodes.values()]
    tree.drop(top)
