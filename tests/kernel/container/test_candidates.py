import os
import time
from pathlib import Path

import pytest
from oomwarden.core.badness.badness import badness, shown_score
from oomwarden.core.badness.machine_reading import CgroupMemory
from oomwarden.core.badness.ranking import Candidate
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container import candidates
from oomwarden.kernel.container.candidates import PAGE_SIZE, CandidateReading, read_candidates
from oomwarden.kernel.host import Host
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.containers import container
from tests.support.fake_proc import FakeProc

MIB = 1 << 20


class Machine:
    """A /proc of plain files, and a container `app`."""

    def __init__(self, tmp_path: Path) -> None:
        for name in ("proc", "cgroup"):
            (tmp_path / name).mkdir()
        self.root, self.proc = tmp_path / "cgroup", FakeProc(tmp_path / "proc")

    def process(self, pid: int, *, score: int = 0, resident: int = MIB, unit: str = "") -> None:
        self.proc.process(pid, score=score)
        directory = self.proc.root / str(pid)
        sizes = f"VmRSS:\t{resident >> 10} kB\nVmPTE:\t8 kB\nVmSwap:\t4 kB\n" if resident else ""
        (directory / "comm").write_text("sh\n")
        (directory / "status").write_text(f"Name:\tsh\n{sizes}")
        (directory / "cgroup").write_text(f"0::/../../system.slice/{unit}\n")

    def container(self, *pids: int, limit: str = "max") -> Cgroup:
        found = container(self.root, *pids)
        files = {"max": limit, "swap.max": "0", "current": "8192", "oom.group": "1"}
        for name, value in files.items():
            (self.root / f"app/memory.{name}").write_text(f"{value}\n")
        return found

    def read(self, *containers: Cgroup, is_first: bool = True) -> CandidateReading:
        roots = HostRoots(CgroupRoot(self.root), ProcRoot(self.proc.root))
        return read_candidates(roots, containers, is_first_namespace=is_first)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def of_pid(found: CandidateReading, pid: int) -> Candidate:
    (one,) = (each for each in found.candidates if each.pid == pid)
    return one


def test_processes_of_containers_and_of_the_host_are_candidates(machine: Machine) -> None:
    machine.process(7, score=980, resident=2 * MIB)
    machine.process(8, score=-999, unit="kubelet.service")
    found = machine.read(machine.container(7, limit="1048576"))
    inside, outside = of_pid(found, 7), of_pid(found, 8)
    assert (inside.container, inside.oom_score_adj, inside.unit) == (0, 980, "")
    assert (inside.use.resident, inside.use.swapped) == (2 * MIB // PAGE_SIZE, 4096 // PAGE_SIZE)
    assert inside.use.page_table_bytes == 8192
    assert (outside.container, outside.unit) == (None, "kubelet.service")
    assert found.containers == (CgroupMemory(MIB, 0, 8192, is_group_kill=True),)
    assert found.unread == 0


def test_kernel_threads_and_processes_that_have_exited_are_no_candidates(machine: Machine) -> None:
    machine.process(2, resident=0)
    (machine.proc.root / "9").mkdir()
    found = machine.read()
    assert (found.candidates, found.unread) == ((), 0)


def test_the_first_process_of_the_machine_is_protected_but_not_that_of_a_nested_node(
    machine: Machine,
) -> None:
    machine.process(1)
    machine.process(2)
    assert [each.protected for each in machine.read().candidates] == [True, False]
    assert [each.protected for each in machine.read(is_first=False).candidates] == [False, False]


def test_the_limit_of_a_pod_is_read_with_its_containers(machine: Machine) -> None:
    (machine.root / "pod").mkdir()
    (machine.root / "pod/memory.max").write_text("4096\n")
    app = machine.container()
    (machine.root / "app").rename(machine.root / "pod/app")
    nested = Cgroup(app.inode, "pod/app", app.level, app.pod_uid, app.container_id)
    assert machine.read(nested).pods == {"pod": CgroupMemory(4096, None, None)}


def test_a_container_that_is_gone_has_no_memory(machine: Machine) -> None:
    app = machine.container()
    (machine.root / "app").rename(machine.root / "old")
    assert machine.read(app).containers == (None,)


def test_what_is_read_is_bounded_and_processes_of_containers_come_first(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pid in range(1, 6):
        machine.process(pid)
    app = machine.container(4, 5)
    monkeypatch.setattr(candidates, "MAX_CANDIDATES", 3)
    found = machine.read(app)
    assert [each.pid for each in found.candidates] == [4, 5, 1]
    assert found.unread == 2


def test_a_reading_ends_in_time(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.process(1)
    monkeypatch.setattr(candidates, "MAX_SECONDS", -1.0)
    found = machine.read()
    assert (found.candidates, found.unread) == ((), 1)


def test_the_points_of_this_process_are_those_that_the_kernel_itself_computes(
    machine: Machine,
) -> None:
    """Its own /proc/PID/oom_score shows the same number, but for memory used in between."""
    host = Host(Path("/proc"))
    roots = HostRoots(CgroupRoot(machine.root), ProcRoot(Path("/proc")))
    found = read_candidates(roots, (), is_first_namespace=False)
    me = of_pid(found, os.getpid())
    total = (host.total_memory() + host.total_swap()) // PAGE_SIZE
    points = badness(me.use, me.oom_score_adj, total, PAGE_SIZE)
    kernel_s = int(Path("/proc/self/oom_score").read_text())
    assert abs(shown_score(points, total) - kernel_s) <= 2


def test_this_machine_is_read_fast(machine: Machine) -> None:
    roots = HostRoots(CgroupRoot(machine.root), ProcRoot(Path("/proc")))
    began = time.process_time()
    found = read_candidates(roots, (), is_first_namespace=True)
    assert time.process_time() - began < 0.002 * (len(found.candidates) + 50)
