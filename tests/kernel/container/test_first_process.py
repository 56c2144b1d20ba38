from pathlib import Path

import pytest
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.container.first_process import FirstProcess, find_first_process
from oomwarden.kernel.proc.process import ProcRoot

from tests.support.containers import container, fill
from tests.support.fake_proc import FakeProc, termination_log

UID = "0a1b2c3d-1111-2222-3333-444455556661"
NAMED = termination_log(UID, "app")


class Host:
    """A container's cgroup and a /proc."""

    def __init__(self, tmp_path: Path) -> None:
        for name in ("proc", "cgroup"):
            (tmp_path / name).mkdir()
        self.cgroups = tmp_path / "cgroup"
        self.proc = FakeProc(tmp_path / "proc")

    def container(self, *pids: int, limit: str = "max") -> Cgroup:
        found = container(self.cgroups, *pids, uid=UID)
        (self.cgroups / "app/memory.max").write_text(f"{limit}\n")
        return found

    def find_first_process(self, cgroup: Cgroup) -> FirstProcess:
        return find_first_process(CgroupRoot(self.cgroups), ProcRoot(self.proc.root), cgroup)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_name_and_score_come_from_the_oldest_process(host: Host) -> None:
    host.proc.process(30, score=7, start=300, mounts=NAMED)
    host.proc.process(40, score=899, start=200, mounts=NAMED)
    assert host.find_first_process(host.container(30, 40, limit="1048576")) == FirstProcess(
        "app", 899, 1 << 20
    )


def test_runcs_own_processes_have_no_name_and_the_shims_score(host: Host) -> None:
    host.proc.process(30, score=-998)
    assert host.find_first_process(host.container(30)) == FirstProcess(None, -998)


def test_a_process_with_the_name_is_preferred_to_an_older_helper(host: Host) -> None:
    host.proc.process(30, score=-998, start=100)
    host.proc.process(31, score=899, start=101, mounts=NAMED)
    assert host.find_first_process(host.container(30, 31)) == FirstProcess("app", 899)


def test_a_process_in_a_nested_cgroup_also_names_the_container(host: Host) -> None:
    host.proc.process(30, score=899, mounts=NAMED)
    cgroup = host.container()
    fill(host.cgroups / "app/container", 30)
    assert host.find_first_process(cgroup) == FirstProcess("app", 899)


def test_an_empty_container_has_no_first_process(host: Host) -> None:
    assert host.find_first_process(host.container()) == FirstProcess()


def test_an_exited_process_is_skipped(host: Host) -> None:
    host.proc.process(31, score=899, mounts=NAMED)
    assert host.find_first_process(host.container(30, 31)) == FirstProcess("app", 899)


def test_a_removed_container_raises(host: Host) -> None:
    cgroup = host.container()
    (host.cgroups / "app").rename(host.cgroups / "elsewhere")
    with pytest.raises(CgroupGoneError):
        host.find_first_process(cgroup)
