"""Real child processes; raising the score of a child needs no root privileges."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from oomwarden.kernel.proc.process import Process, ProcessGoneError, ProcRoot

from tests.support.fake_proc import FakeProc

PROC = ProcRoot(Path("/proc"))
INITIAL = int(Path("/proc/self/oom_score_adj").read_text())
RAISED = min(INITIAL + 300, 1000)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
        yield child


def test_a_score_is_written_and_read_back(child: subprocess.Popen[bytes]) -> None:
    with PROC.open(child.pid) as process:
        assert process.score() == INITIAL
        assert process.write_score(RAISED) == RAISED
    assert int(Path(f"/proc/{child.pid}/oom_score_adj").read_text()) == RAISED


def test_start_time_and_mounts_of_a_process_are_read(child: subprocess.Popen[bytes]) -> None:
    with PROC.open(child.pid) as process, PROC.open(os.getpid()) as parent:
        assert process.start_time() >= parent.start_time()
        assert process.mountinfo() == parent.mountinfo()


def test_an_exited_process_is_gone_even_if_its_pid_is_reused(
    child: subprocess.Popen[bytes],
) -> None:
    with PROC.open(child.pid) as process:
        child.communicate()
        reads = (process.start_time, process.score, process.mountinfo)
        for operation in (*reads, lambda: process.write_score(RAISED)):
            with pytest.raises(ProcessGoneError):
                operation()


def test_the_open_directory_identifies_the_process_and_not_the_pid(
    child: subprocess.Popen[bytes],
) -> None:
    """As if the test itself had reused the PID of the exited child."""
    with PROC.open(child.pid) as process:
        child.communicate()
        reused = Process(os.getpid(), process._directory)
        with pytest.raises(ProcessGoneError):
            reused.write_score(RAISED)
    with PROC.open(os.getpid()) as myself:
        assert myself.score() == INITIAL


def test_a_process_that_reuses_the_pid_between_read_and_write_keeps_its_score(
    tmp_path: Path,
) -> None:
    """tests/kernel_vm/test_scores.py checks this on a real kernel."""
    fake = FakeProc(tmp_path)
    fake.process(7, score=899)
    with ProcRoot(tmp_path).open(7) as process:
        assert process.score() == 899
        shutil.rmtree(tmp_path / "7")
        fake.process(7, score=5)
        with pytest.raises(ProcessGoneError):
            process.write_score(-500)
    with ProcRoot(tmp_path).open(7) as reused:
        assert reused.score() == 5


def test_a_zombie_has_no_command_line(child: subprocess.Popen[bytes]) -> None:
    with PROC.open(child.pid) as process:
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process.command_line(4096) == b""


def test_a_zombie_has_no_mounts() -> None:
    with subprocess.Popen(["true"]) as child, PROC.open(child.pid) as process:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ProcessGoneError):
            process.mountinfo()


def test_an_unused_pid_is_gone() -> None:
    with pytest.raises(ProcessGoneError), PROC.open(2**22 + 1):
        pass
