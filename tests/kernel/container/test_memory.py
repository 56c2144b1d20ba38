import os
from pathlib import Path

import pytest
from oomwarden.core.incidents.memory_history import ProcessUsage, UsageDetail
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.parse.memory_stat import Composition
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.container import memory
from oomwarden.kernel.container.memory import UsageFiles, read_charged_memory, read_usage_detail
from oomwarden.kernel.proc.process import ProcRoot

from tests.support.containers import container, fill
from tests.support.fake_proc import FakeProc

PAGE = os.sysconf("SC_PAGE_SIZE")


class Host:
    """A container's cgroup and a /proc."""

    def __init__(self, tmp_path: Path) -> None:
        for name in ("proc", "cgroup"):
            (tmp_path / name).mkdir()
        self.root, self.proc = tmp_path / "cgroup", FakeProc(tmp_path / "proc")

    def container(self, *pids: int, usage: str = "8192") -> Cgroup:
        found = container(self.root, *pids)
        (self.root / "app/memory.current").write_text(f"{usage}\n")
        (self.root / "app/memory.stat").write_text("anon 4096\nfile 2048\nshmem 1024\n")
        return found

    def process(self, pid: int, pages: int, comm: str = "sh") -> None:
        self.proc.process(pid, score=pid)
        (self.proc.root / str(pid) / "statm").write_text(f"999 {pages} 0 0 0 0 0\n")
        (self.proc.root / str(pid) / "comm").write_text(f"{comm}\n")

    def usage(self) -> UsageFiles:
        return UsageFiles(CgroupRoot(self.root))

    def read_detail(self, cgroup: Cgroup) -> UsageDetail:
        return read_usage_detail(CgroupRoot(self.root), ProcRoot(self.proc.root), cgroup)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_usage_is_read_again_through_the_same_descriptor(host: Host) -> None:
    app, usage = host.container(), host.usage()
    live = frozenset({app.inode})
    assert usage.read([app], live)[app.inode].usage == 8192
    kept = dict(usage._open)
    (host.root / "app/memory.current").write_text("4096\n")
    assert usage.read([app], live)[app.inode].usage == 4096
    assert usage._open == kept


def test_the_file_of_a_removed_container_is_closed(host: Host) -> None:
    app, usage = host.container(), host.usage()
    usage.read([app], frozenset({app.inode}))
    (fd,) = usage._open.values()
    assert usage.read([], frozenset()) == {}
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_the_file_of_a_live_container_stays_open_while_it_is_not_read(host: Host) -> None:
    app, usage = host.container(), host.usage()
    usage.read([app], frozenset({app.inode}))
    usage.read([], frozenset({app.inode}))
    assert list(usage._open) == [app.inode]


def test_a_removed_cgroup_is_omitted(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def removed(fd: int) -> bytes:
        raise CgroupGoneError(str(fd))

    app, usage = host.container(), host.usage()
    usage.read([app], frozenset({app.inode}))
    monkeypatch.setattr(files, "read", removed)
    assert usage.read([app], frozenset({app.inode})) == {}
    assert (usage._open, usage.unreadable) == ({}, 0)


def test_another_cgroup_with_the_same_path_is_not_read(host: Host) -> None:
    app = host.container()
    other = Cgroup(app.inode + 1, app.path, Level.CONTAINER)
    assert host.usage().read([other], frozenset({other.inode})) == {}


def test_an_unreadable_file_is_counted_and_the_others_are_read(host: Host) -> None:
    app, usage = host.container(usage="lots"), host.usage()
    other = fill(host.root / "other")
    (other / "memory.current").write_text("1\n")
    side = Cgroup(other.stat().st_ino, "other", Level.CONTAINER)
    found = usage.read([app, side], frozenset({app.inode, side.inode}))
    assert [(inode, each.usage) for inode, each in found.items()] == [(side.inode, 1)]
    assert usage.unreadable == 1


def test_usage_detail_has_the_composition_and_the_five_largest_processes(host: Host) -> None:
    for pid in range(1, 9):
        host.process(pid, pages=pid, comm=f"p{pid}\n")
    seen = host.read_detail(host.container(*range(1, 9)))
    assert (seen.sample.usage, seen.process_count) == (8192, 8)
    assert seen.composition == Composition(4096, 2048, 1024)
    assert [each.pid for each in seen.processes] == [8, 7, 6, 5, 4]
    assert seen.processes[0] == ProcessUsage(8, b"p8\n", 8 * PAGE, 8)


def test_processes_of_nested_cgroups_belong_to_the_container(host: Host) -> None:
    host.process(7, pages=3)
    app = host.container()
    fill(host.root / "app/container", 7)
    assert [each.pid for each in host.read_detail(app).processes] == [7]


def test_processes_without_memory_or_that_exited_are_skipped(host: Host) -> None:
    host.process(2, pages=0)
    seen = host.read_detail(host.container(1, 2))
    assert (seen.process_count, seen.processes) == (2, ())


def test_no_process_is_called_the_largest_if_there_are_too_many(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "MAX_PROCESSES", 1)
    host.process(1, pages=1)
    host.process(2, pages=2)
    seen = host.read_detail(host.container(1, 2))
    assert (seen.process_count, seen.processes) == (2, ())


def test_usage_detail_of_a_removed_container_raises(host: Host) -> None:
    app = host.container()
    (host.root / "app").rename(host.root / "elsewhere")
    with pytest.raises(CgroupGoneError):
        host.read_detail(app)


def test_memory_charged_to_a_pod_includes_swap_and_is_bounded_by_usage(host: Host) -> None:
    app = host.container()
    (host.root / "app/memory.swap.current").write_text("99\n")
    (host.root / "app/memory.stat").write_text("anon 4096\nfile 2048\nshmem 1\nslab 99999\n")
    seen = read_charged_memory(CgroupRoot(host.root), app)
    assert seen is not None
    assert seen.composition == Composition(4096, 2048, 1, slab=8192, swap=99)


@pytest.mark.parametrize("usage", ["lots", "-"])
def test_unparsable_files_yield_no_charged_memory(host: Host, usage: str) -> None:
    assert read_charged_memory(CgroupRoot(host.root), host.container(usage=usage)) is None


def test_a_removed_cgroup_has_no_charged_memory(host: Host) -> None:
    app = host.container()
    assert read_charged_memory(CgroupRoot(host.root), Cgroup(app.inode, "gone", Level.POD)) is None
