import os
from pathlib import Path

import pytest
from oomwarden.core.enforcement.group_files import GroupFiles
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.oom_group import (
    KEPT_SECONDS,
    NAME,
    OomGroupFiles,
    is_read_only,
    restore,
    write,
)

from tests.support.containers import container, fill, read_enabled, read_files


def grouped(root: Path, value: str = "1") -> Cgroup:
    cgroup = container(root, 1)
    (root / "app" / "memory.oom.group").write_text(f"{value}\n")
    return cgroup


def test_only_the_file_of_the_container_itself_is_written(tmp_path: Path) -> None:
    cgroup = grouped(tmp_path)
    nested = fill(tmp_path / "app" / "init.scope", 2) / "memory.oom.group"
    nested.write_text("1\n")
    assert write(CgroupRoot(tmp_path), cgroup, enabled=False) is False
    assert (tmp_path / "app" / "memory.oom.group").read_text()[0] == "0"
    assert nested.read_text() == "1\n"


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    cgroup = container(tmp_path, 1)
    with pytest.raises(CgroupGoneError):
        write(CgroupRoot(tmp_path), cgroup, enabled=False)
    assert not (tmp_path / "app" / "memory.oom.group").exists()


def test_another_cgroup_with_the_same_path_is_not_written(tmp_path: Path) -> None:
    cgroup = grouped(tmp_path)
    (tmp_path / "app").rename(tmp_path / "elsewhere")
    grouped(tmp_path)
    with pytest.raises(CgroupGoneError):
        write(CgroupRoot(tmp_path), cgroup, enabled=False)
    assert (tmp_path / "app" / "memory.oom.group").read_text() == "1\n"


def test_removed_containers_are_omitted_when_many_are_read(tmp_path: Path) -> None:
    one = grouped(tmp_path)
    gone = Cgroup(7, "gone", Level.CONTAINER)
    assert read_enabled(CgroupRoot(tmp_path), [one, gone]) == {one.inode: True}


def test_a_missing_mount_counts_as_read_only(tmp_path: Path) -> None:
    assert is_read_only(tmp_path / "missing")
    assert not is_read_only(tmp_path)


def in_sub_cgroup(root: Path, own: str, below: str) -> Cgroup:
    """Create a container as crun does: its processes are in a cgroup below the scope."""
    cgroup = container(root)
    (root / "app/memory.oom.group").write_text(f"{own}\n")
    (fill(root / "app/container", 1) / "memory.oom.group").write_text(f"{below}\n")
    return cgroup


def test_the_runtimes_sub_cgroup_alone_enables_group_kill(tmp_path: Path) -> None:
    cgroup, root = in_sub_cgroup(tmp_path, "0", "1"), CgroupRoot(tmp_path)
    assert read_enabled(root, [cgroup]) == {cgroup.inode: True}
    assert read_files(root, [cgroup]) == {cgroup.inode: GroupFiles(own=False, below=True)}
    assert write(root, cgroup, enabled=False) is False
    assert read_files(root, [cgroup]) == {cgroup.inode: GroupFiles(own=False, below=False)}
    restore(root, cgroup, GroupFiles(own=False, below=True))
    assert read_files(root, [cgroup]) == {cgroup.inode: GroupFiles(own=False, below=True)}


def test_a_cgroup_created_by_the_container_is_not_the_runtimes(tmp_path: Path) -> None:
    cgroup, root = in_sub_cgroup(tmp_path, "0", "1"), CgroupRoot(tmp_path)
    (fill(tmp_path / "app/container/container", 2) / "memory.oom.group").write_text("1\n")
    write(root, cgroup, enabled=False)
    assert (tmp_path / "app/container/container/memory.oom.group").read_text() == "1\n"
    fill(tmp_path / "app", 3)
    (tmp_path / "app/container/memory.oom.group").write_text("1\n")
    assert read_files(root, [cgroup]) == {cgroup.inode: GroupFiles(own=False)}


def test_a_sub_cgroup_without_the_memory_controller_has_no_effect(tmp_path: Path) -> None:
    cgroup, root = in_sub_cgroup(tmp_path, "1", "1"), CgroupRoot(tmp_path)
    (tmp_path / "app/container/memory.oom.group").unlink()
    assert read_files(root, [cgroup]) == {cgroup.inode: GroupFiles(own=True)}
    assert write(root, cgroup, enabled=False) is False
    assert not (tmp_path / "app/container/memory.oom.group").exists()


def test_a_symbolic_link_with_the_sub_cgroups_name_is_not_followed(tmp_path: Path) -> None:
    cgroup = container(tmp_path)
    (tmp_path / "app/memory.oom.group").write_text("0\n")
    (fill(tmp_path / "elsewhere") / "memory.oom.group").write_text("1\n")
    (tmp_path / "app/container").symlink_to(tmp_path / "elsewhere")
    assert read_enabled(CgroupRoot(tmp_path), [cgroup]) == {cgroup.inode: False}


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - of a pseudo file system


def test_files_that_stay_open_show_what_another_program_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    cgroup, path = container(tmp_path), tmp_path / "app" / NAME
    path.write_text("0\n")
    kept = OomGroupFiles(CgroupRoot(tmp_path), lambda: now[0])
    before = open_descriptors()
    assert kept.read([cgroup]) == {cgroup.inode: GroupFiles(own=False)}
    with monkeypatch.context() as closed:
        closed.setattr(os, "open", None)
        path.write_text("1\n")
        assert kept.read([cgroup]) == {cgroup.inode: GroupFiles(own=True)}
    in_sub_cgroup(tmp_path, "1", "1")
    assert kept.read([cgroup]) == {cgroup.inode: GroupFiles(own=True)}
    now[0] = KEPT_SECONDS
    assert kept.read([cgroup]) == {cgroup.inode: GroupFiles(own=True, below=True)}
    assert kept.read([]) == {}
    assert open_descriptors() <= before + 1, "that of the mount"


def test_files_of_young_containers_are_not_kept(tmp_path: Path) -> None:
    cgroup, kept = container(tmp_path), OomGroupFiles(CgroupRoot(tmp_path))
    (tmp_path / "app" / NAME).write_text("1\n")
    assert kept.read([cgroup], {cgroup.inode}) == {cgroup.inode: GroupFiles(own=True)}
    in_sub_cgroup(tmp_path, "1", "0")
    assert kept.read([cgroup], {cgroup.inode}) == {cgroup.inode: GroupFiles(own=True, below=False)}


def test_files_of_a_call_that_nobody_waits_for_are_closed(tmp_path: Path) -> None:
    cgroup, kept = grouped(tmp_path), OomGroupFiles(CgroupRoot(tmp_path))
    kept.read([])
    before = open_descriptors()
    kept.abandoned = True
    assert kept.read([cgroup])
    assert open_descriptors() <= before + 1


def test_a_container_that_is_gone_is_left_out_and_another_in_its_place_is_not_it(
    tmp_path: Path,
) -> None:
    cgroup, kept = grouped(tmp_path), OomGroupFiles(CgroupRoot(tmp_path))
    (tmp_path / "app").rename(tmp_path / "elsewhere")
    assert kept.read([cgroup]) == {}
    grouped(tmp_path, "0")
    assert kept.read([cgroup]) == {}
