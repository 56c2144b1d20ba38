"""The processes of many containers, through descriptors that stay open."""

import errno
import os
from pathlib import Path

import pytest
from oomwarden.kernel.cgroup import descriptors, files, walk
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.member_files import MAX_AT_ONCE, MemberFiles

from tests.support.containers import container, fill


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - of a pseudo file system


def test_what_has_not_changed_is_the_same_object_and_opens_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cgroup, members = container(tmp_path, 5, 6), MemberFiles(CgroupRoot(tmp_path))
    first = members.list(cgroup)
    assert first == frozenset({5, 6})
    with monkeypatch.context() as closed:
        closed.setattr(os, "open", None)
        assert members.list(cgroup) is first
        fill(tmp_path / "app", 5, 7)
        assert members.list(cgroup) == frozenset({5, 7})


def test_nested_cgroups_are_listed_and_seen_when_they_appear(tmp_path: Path) -> None:
    cgroup, members = container(tmp_path, 5), MemberFiles(CgroupRoot(tmp_path))
    assert members.list(cgroup) == frozenset({5})
    fill(tmp_path / "app/nested", 6)
    assert members.list(cgroup) == frozenset({5, 6})


def test_a_list_that_is_not_whole_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_CGROUPS", 1)
    cgroup, members = container(tmp_path, 5), MemberFiles(CgroupRoot(tmp_path))
    fill(tmp_path / "app/a")
    fill(tmp_path / "app/b")
    assert members.list(cgroup) is None


def test_a_list_that_is_longer_than_one_read_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = range(1, MAX_AT_ONCE)
    cgroup, members = container(tmp_path, *pids), MemberFiles(CgroupRoot(tmp_path))

    def a_page(fd: int) -> bytes:
        return os.pread(fd, 4096, 0)

    monkeypatch.setattr(files, "read", a_page)
    assert members.list(cgroup) == frozenset(pids)


def test_a_removed_cgroup_raises_and_its_files_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cgroup, members = container(tmp_path, 5), MemberFiles(CgroupRoot(tmp_path))
    members.list(cgroup)
    before = open_descriptors()

    def gone(fd: int) -> bytes:
        raise CgroupGoneError(str(fd))

    monkeypatch.setattr(files, "read", gone)
    with pytest.raises(CgroupGoneError):
        members.list(cgroup)
    assert open_descriptors() == before - 2
    (tmp_path / "app").rename(tmp_path / "elsewhere")
    with pytest.raises(CgroupGoneError):
        members.list(cgroup)
    assert open_descriptors() == before - 2


def test_files_of_others_are_closed(tmp_path: Path) -> None:
    cgroup, members = container(tmp_path, 5), MemberFiles(CgroupRoot(tmp_path))
    members.list(cgroup)
    before = open_descriptors()
    assert not members.has_others({cgroup.inode})
    members.keep_only({cgroup.inode})
    assert open_descriptors() == before
    assert members.has_others(set())
    members.keep_only(set())
    assert open_descriptors() == before - 2
    assert members.list(cgroup) == frozenset({5})
    members.close()
    assert open_descriptors() == before - 2


def test_without_room_for_descriptors_none_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cgroup, members = container(tmp_path, 5), MemberFiles(CgroupRoot(tmp_path))
    members.list(cgroup)
    members.close()
    before = open_descriptors()
    monkeypatch.setattr(descriptors, "fd_limit", lambda: 1)
    assert [members.list(cgroup), members.list(cgroup)] == [frozenset({5})] * 2
    assert open_descriptors() == before


def test_a_threaded_cgroup_is_an_error_that_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cgroup, members = container(tmp_path, 5), MemberFiles(CgroupRoot(tmp_path))
    members.list(cgroup)
    members.close()
    before = open_descriptors()

    def threaded(_: int) -> bytes:
        raise OSError(errno.EOPNOTSUPP, "threaded")

    monkeypatch.setattr(files, "read", threaded)
    with pytest.raises(OSError, match="threaded"):
        members.list(cgroup)
    assert open_descriptors() == before
