from pathlib import Path

import pytest
from containers import container, fill
from oomwarden.core.facts import Cgroup, Level
from oomwarden.kernel.cgroup import CgroupGoneError, CgroupRoot
from oomwarden.kernel.oom_group import is_read_only, read_all, write


def grouped(root: Path, value: str = "1") -> Cgroup:
    cgroup = container(root, 1)
    (root / "app" / "memory.oom.group").write_text(f"{value}\n")
    return cgroup


def test_the_containers_own_file_is_written_and_no_nested_one(tmp_path: Path) -> None:
    cgroup = grouped(tmp_path)
    nested = fill(tmp_path / "app" / "init.scope", 2) / "memory.oom.group"
    nested.write_text("1\n")
    assert write(CgroupRoot(tmp_path), cgroup, together=False) is False
    assert (tmp_path / "app" / "memory.oom.group").read_text()[0] == "0"
    assert nested.read_text() == "1\n"


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    cgroup = container(tmp_path, 1)
    with pytest.raises(CgroupGoneError):
        write(CgroupRoot(tmp_path), cgroup, together=False)
    assert not (tmp_path / "app" / "memory.oom.group").exists()


def test_another_cgroup_of_the_same_name_is_not_written(tmp_path: Path) -> None:
    cgroup = grouped(tmp_path)
    (tmp_path / "app").rename(tmp_path / "elsewhere")
    grouped(tmp_path)
    with pytest.raises(CgroupGoneError):
        write(CgroupRoot(tmp_path), cgroup, together=False)
    assert (tmp_path / "app" / "memory.oom.group").read_text() == "1\n"


def test_many_are_read_at_once_and_those_that_are_gone_are_left_out(tmp_path: Path) -> None:
    one = grouped(tmp_path)
    gone = Cgroup(7, "gone", Level.CONTAINER)
    assert read_all(CgroupRoot(tmp_path), [one, gone]) == {one.inode: True}


def test_a_mount_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    assert is_read_only(tmp_path / "missing")
    assert not is_read_only(tmp_path)
