"""The node's services, each with the process that the kernel would kill first."""

import os
from pathlib import Path

from oomwarden.core.enforcement.node_services import NodeService
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.services import read_node_services
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.containers import fill
from tests.support.fake_proc import FakeProc

GIB = 1 << 30
PAGE = os.sysconf("SC_PAGE_SIZE")


def host_roots(tmp_path: Path) -> tuple[HostRoots, FakeProc]:
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    proc.mkdir()
    cgroups.mkdir()
    return HostRoots(CgroupRoot(cgroups), ProcRoot(proc)), FakeProc(proc)


def process(proc: FakeProc, pid: int, score: int, pages: int) -> None:
    proc.process(pid, score=score)
    (proc.root / str(pid) / "statm").write_text(f"{2 * pages} {pages} 0 0 0 0 0\n")


def test_the_process_with_the_highest_badness_is_reported_per_service(tmp_path: Path) -> None:
    where, proc = host_roots(tmp_path)
    top = tmp_path / "cgroup/system.slice"
    fill(top / "sshd.service", 10, 11)
    fill(top / "system-getty.slice/getty@tty1.service", 12)
    fill(top / "empty.service")
    fill(top / "run.mount", 13)
    process(proc, 10, -900, 5)
    process(proc, 11, 0, 3)
    process(proc, 12, 0, 7)
    process(proc, 13, 0, 7)
    found = read_node_services(where, "kubepods.slice", GIB)
    assert set(found.services) == {
        NodeService("sshd.service", 0, 3 * PAGE),
        NodeService("getty@tty1.service", 0, 7 * PAGE),
    }


def test_the_services_of_a_nested_node_are_beside_its_pods(tmp_path: Path) -> None:
    where, proc = host_roots(tmp_path)
    fill(tmp_path / "cgroup/kubelet/system.slice/cron.service", 10)
    process(proc, 10, 0, 1)
    found = read_node_services(where, "kubelet/kubepods", GIB)
    assert [each.service for each in found.services] == ["cron.service"]
    assert read_node_services(where, "kubepods", GIB).services == ()


def test_a_process_that_exits_during_the_scan_is_skipped(tmp_path: Path) -> None:
    where, _ = host_roots(tmp_path)
    fill(tmp_path / "cgroup/system.slice/sshd.service", 10)
    assert read_node_services(where, "kubepods.slice", GIB).services == ()
