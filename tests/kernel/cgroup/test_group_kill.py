from pathlib import Path

import pytest
from msgspec.structs import replace
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.group_kill import (
    MAX_NESTED,
    is_empty,
    is_killed_as_group,
    read_oom_kills,
)

from tests.support.containers import container, fill, read_enabled


def test_a_group_kill_is_detected_if_the_kernel_counts_group_kills(tmp_path: Path) -> None:
    cgroup, root = container(tmp_path), CgroupRoot(tmp_path)
    assert not is_killed_as_group(root, cgroup)
    (tmp_path / cgroup.path / "memory.oom.group").write_text("1\n")
    (tmp_path / cgroup.path / "memory.events").write_text("oom_kill 1\n")
    assert not is_killed_as_group(root, cgroup)  # before Linux 5.17
    (tmp_path / cgroup.path / "memory.events").write_text("oom_kill 1\noom_group_kill 0\n")
    assert is_killed_as_group(root, cgroup)
    (tmp_path / cgroup.path / "memory.oom.group").write_text("0\n")
    assert not is_killed_as_group(root, cgroup)


def test_a_container_without_processes_or_cgroup_is_empty(tmp_path: Path) -> None:
    cgroup, root = container(tmp_path, 1), CgroupRoot(tmp_path)
    (tmp_path / cgroup.path / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    assert not is_empty(root, cgroup)
    (tmp_path / cgroup.path / "cgroup.events").write_text("populated 0\nfrozen 0\n")
    assert is_empty(root, cgroup)
    (tmp_path / cgroup.path / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    assert is_empty(root, replace(cgroup, inode=cgroup.inode + 1))


def test_oom_kills_are_read_only_of_the_same_cgroup(tmp_path: Path) -> None:
    cgroup, root = container(tmp_path), CgroupRoot(tmp_path)
    assert read_oom_kills(root, cgroup) == 0
    (tmp_path / cgroup.path / "memory.events").write_text("oom 1\noom_kill 7\n")
    assert read_oom_kills(root, cgroup) == 7
    assert read_oom_kills(root, replace(cgroup, inode=cgroup.inode + 1)) == 0


def test_a_group_kill_of_the_runtimes_sub_cgroup_is_one_of_the_container(tmp_path: Path) -> None:
    cgroup, root = container(tmp_path), CgroupRoot(tmp_path)
    (tmp_path / cgroup.path / "memory.oom.group").write_text("0\n")
    (tmp_path / cgroup.path / "memory.events").write_text("oom_kill 1\noom_group_kill 0\n")
    (fill(tmp_path / cgroup.path / "container", 1) / "memory.oom.group").write_text("1\n")
    assert is_killed_as_group(root, cgroup)


def test_a_group_anywhere_in_a_container_is_found(tmp_path: Path) -> None:
    cgroup, root = container(tmp_path), CgroupRoot(tmp_path)
    (tmp_path / cgroup.path / "memory.oom.group").write_text("0\n")
    (tmp_path / cgroup.path / "memory.events").write_text("oom_kill 1\noom_group_kill 0\n")
    service = fill(tmp_path / cgroup.path / "system.slice/web.service", 1)
    assert not is_killed_as_group(root, cgroup)
    (service / "memory.oom.group").write_text("1\n")
    assert is_killed_as_group(root, cgroup)


def test_a_container_with_too_many_nested_cgroups_may_have_a_group(tmp_path: Path) -> None:
    cgroup, root = container(tmp_path), CgroupRoot(tmp_path)
    (tmp_path / cgroup.path / "memory.events").write_text("oom_kill 1\noom_group_kill 0\n")
    for number in range(MAX_NESTED):
        fill(tmp_path / cgroup.path / str(number))
    assert not is_killed_as_group(root, cgroup)
    fill(tmp_path / cgroup.path / "one more")
    assert is_killed_as_group(root, cgroup)


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ("0 0 0", "none"),
        ("1 0 0", "whole"),
        ("0 1 0", "whole"),
        ("1 1 1", "whole"),
        ("0 0 1", "a part"),
        ("0 - 1", "a part"),
        ("1 - -", "whole"),
        ("0 - -", "none"),
    ],
)
def test_the_kernel_kills_the_highest_cgroup_with_group_kill(
    tmp_path: Path, files: str, kills: str
) -> None:
    """`files`: of the scope, the runtime's cgroup, and one created by the container; -: no file."""
    cgroup, root = container(tmp_path), CgroupRoot(tmp_path)
    for path, value in zip(("", "container", "container/init.scope"), files.split(), strict=True):
        directory = fill(tmp_path / cgroup.path / path, *([7] if path.endswith(".scope") else []))
        if value != "-":
            (directory / "memory.oom.group").write_text(f"{value}\n")
    assert read_enabled(root, [cgroup]) == {cgroup.inode: kills == "whole"}
    assert is_killed_as_group(root, cgroup) is (kills != "none"), "without memory.events"
    (tmp_path / cgroup.path / "memory.events").write_text("oom_kill 1\noom_group_kill 0\n")
    assert is_killed_as_group(root, cgroup) is (kills != "none")
