import errno
import os
from pathlib import Path

import pytest
from oomwarden.kernel.cgroup import files, members, walk
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import PartialPids, list_pids, open_container
from oomwarden.kernel.proc.process import read_whole

from tests.support.containers import container, fill


def listed(root: Path) -> list[int]:
    directory = os.open(root, os.O_RDONLY)
    try:
        return sorted(list_pids(directory))
    finally:
        os.close(directory)


def test_nested_cgroups_belong_to_the_container(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    fill(tmp_path / "container", 2, 3)
    fill(tmp_path / "container/init.scope", 4)
    assert listed(tmp_path) == [1, 2, 3, 4]


def test_cgroup_names_are_not_interpreted(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    fill(tmp_path / "a\nb;$(rm -rf)", 2)
    (tmp_path / "link").symlink_to("/proc")
    assert listed(tmp_path) == [1, 2]


def test_processes_of_another_pid_namespace_and_garbage_are_skipped(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "cgroup.procs").write_text("0\n12\nx\n-3\n")
    assert listed(tmp_path) == [12]


def test_a_list_of_pids_longer_than_one_read_is_complete(tmp_path: Path) -> None:
    fill(tmp_path, *range(1, 20_001))
    assert len(listed(tmp_path)) == 20_000


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def listing(root: Path) -> list[int]:
    directory = os.open(root, os.O_RDONLY)
    try:
        return list_pids(directory)
    finally:
        os.close(directory)


@pytest.mark.parametrize(("depth", "name"), [(17, "d"), (600, "x"), (80, "n" * 200)])
def test_depth_hides_no_process(
    tmp_path: Path, depth: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MAX_SECONDS", 60.0)
    top = os.open(fill(tmp_path / "app"), os.O_RDONLY)
    above = os.dup(top)
    for _ in range(depth):
        os.mkdir(name, dir_fd=above)
        below = os.open(name, os.O_RDONLY, dir_fd=above)
        with os.fdopen(os.open("cgroup.procs", os.O_WRONLY | os.O_CREAT, dir_fd=below), "w"):
            os.close(above)
        above = below
    with os.fdopen(os.open("cgroup.procs", os.O_WRONLY, dir_fd=above), "w") as procs:
        procs.write("42\n")
    os.close(above)
    before = descriptors()
    found = list_pids(top)
    assert (found, isinstance(found, PartialPids)) == ([42], False)
    assert descriptors() == before, "a descriptor was left open"
    os.close(top)


def test_a_wide_tree_hides_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_SECONDS", 60.0)
    fill(tmp_path, 1)
    for number in range(1100):
        fill(tmp_path / f"n{number}", number + 2)
    assert listed(tmp_path) == list(range(1, 1102))
    assert not isinstance(listing(tmp_path), PartialPids)


def test_a_tree_over_the_budget_is_reported_and_each_walk_omits_other_cgroups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MAX_CGROUPS", 5)
    monkeypatch.setattr(walk, "MAX_SECONDS", 60.0)
    fill(tmp_path, 1)
    for number in range(9):
        fill(tmp_path / f"n{number}/below", number + 2)
        fill(tmp_path / f"n{number}")
    before, seen = descriptors(), set[int]()
    for _ in range(200):
        found = listing(tmp_path)
        assert isinstance(found, PartialPids)
        seen |= set(found)
    assert seen == set(range(1, 11))
    assert descriptors() == before


def test_a_walk_ends_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_SECONDS", -1.0)
    fill(tmp_path, 1)
    fill(tmp_path / "below", 2)
    found = listing(tmp_path)
    assert (found, isinstance(found, PartialPids)) == ([1], True)


def test_a_truncated_list_of_processes_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MAX_BYTES", 4)
    assert isinstance(listing(fill(tmp_path, *range(10, 30))), PartialPids)


def test_a_nested_cgroup_removed_during_the_walk_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 1)
    (tmp_path / "gone").mkdir()
    fill(tmp_path / "there", 2)
    monkeypatch.setattr(files, "children", lambda _: iter([("no", 1)]))
    assert listed(tmp_path) == [1]
    monkeypatch.undo()
    assert listed(tmp_path) == [1, 2]


def test_a_threaded_cgroup_has_its_processes_in_the_domain_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 1)
    threaded = fill(tmp_path / "threaded", 2)
    inode = (threaded / "cgroup.procs").stat().st_ino

    def read(fd: int, most: int) -> bytes:
        if os.fstat(fd).st_ino == inode:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return read_whole(fd, most)

    monkeypatch.setattr(members, "read_whole", read)
    assert listed(tmp_path) == [1]


def test_a_removed_container_raises(tmp_path: Path) -> None:
    cgroup = container(tmp_path, 1)
    (tmp_path / "app").rename(tmp_path / "elsewhere")
    root = CgroupRoot(tmp_path)
    with pytest.raises(CgroupGoneError), open_container(root, cgroup):
        pass
    (tmp_path / "app").mkdir()
    with pytest.raises(CgroupGoneError), open_container(root, cgroup):
        pass
