import errno
import os
from pathlib import Path

import pytest
from containers import container, fill
from oomwarden.kernel import container_processes
from oomwarden.kernel.cgroup import CgroupGoneError, CgroupRoot
from oomwarden.kernel.container_processes import MAX_DEPTH, held, pids


def listed(root: Path) -> list[int]:
    directory = os.open(root, os.O_RDONLY)
    try:
        return sorted(pids(directory))
    finally:
        os.close(directory)


def test_nested_cgroups_belong_to_the_container(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    fill(tmp_path / "container", 2, 3)
    fill(tmp_path / "container/init.scope", 4)
    assert listed(tmp_path) == [1, 2, 3, 4]


def test_names_are_data(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    fill(tmp_path / "a\nb;$(rm -rf)", 2)
    (tmp_path / "link").symlink_to("/proc")
    assert listed(tmp_path) == [1, 2]


def test_a_process_of_another_pid_namespace_and_garbage_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "cgroup.procs").write_text("0\n12\nx\n-3\n")
    assert listed(tmp_path) == [12]


def test_more_pids_than_one_read_gives_are_all_there(tmp_path: Path) -> None:
    fill(tmp_path, *range(1, 20_001))
    assert len(listed(tmp_path)) == 20_000


def test_depth_is_bounded(tmp_path: Path) -> None:
    path = tmp_path
    for level in range(MAX_DEPTH + 3):
        fill(path, level + 1)
        path /= "x"
    assert len(listed(tmp_path)) == MAX_DEPTH + 1


def test_the_number_of_cgroups_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_processes, "MAX_CGROUPS", 5)
    fill(tmp_path, 1)
    for number in range(9):
        fill(tmp_path / f"n{number}", number + 2)
    assert len(listed(tmp_path)) == 6


def test_a_nested_cgroup_that_goes_away_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 1)
    (tmp_path / "gone").mkdir()
    fill(tmp_path / "there", 2)
    monkeypatch.setattr(container_processes.files, "children", lambda _: iter([("no", 1)]))
    assert listed(tmp_path) == [1]
    monkeypatch.undo()
    assert listed(tmp_path) == [1, 2]


def test_a_threaded_cgroup_has_its_processes_in_the_domain_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 1)
    threaded = fill(tmp_path / "threaded", 2)
    inode = (threaded / "cgroup.procs").stat().st_ino
    read_whole = container_processes.read_whole

    def read(fd: int, most: int) -> bytes:
        if os.fstat(fd).st_ino == inode:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return read_whole(fd, most)

    monkeypatch.setattr(container_processes, "read_whole", read)
    assert listed(tmp_path) == [1]


def test_a_container_that_is_gone_is_said_so(tmp_path: Path) -> None:
    cgroup = container(tmp_path, 1)
    (tmp_path / "app").rename(tmp_path / "elsewhere")
    root = CgroupRoot(tmp_path)
    with pytest.raises(CgroupGoneError), held(root, cgroup):
        pass
    (tmp_path / "app").mkdir()
    with pytest.raises(CgroupGoneError), held(root, cgroup):
        pass
