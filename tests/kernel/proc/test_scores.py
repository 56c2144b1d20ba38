"""Real processes of this machine."""

import os
from pathlib import Path

import pytest
from oomwarden.core.overcommit.commitment import machine_memory
from oomwarden.core.parse.meminfo import parse_meminfo
from oomwarden.kernel.proc.process import ProcessGoneError, ProcRoot
from oomwarden.kernel.proc.scores import read_process

PROC = ProcRoot(Path("/proc"))


def test_a_processs_own_arithmetic_agrees_with_the_kernels_score() -> None:
    """Within what this process may have allocated between the two reads."""
    memory = machine_memory(parse_meminfo(Path("/proc/meminfo").read_bytes()))
    assert memory is not None
    found = read_process(PROC, os.getpid(), memory.total)
    assert found is not None
    assert found.kernel_score is not None
    assert abs(found.shown - found.kernel_score) <= 1
    assert found.use.resident > 0
    assert found.command


def test_a_process_without_memory_has_no_score(tmp_path: Path) -> None:
    (tmp_path / "2").mkdir()
    (tmp_path / "2/status").write_text("Name:\tkthreadd\nThreads:\t1\n")
    assert read_process(ProcRoot(tmp_path), 2, 1 << 30) is None


def test_a_hostile_command_is_read_whole(tmp_path: Path) -> None:
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "status").write_text("VmRSS:\t 400 kB\n")
    (folder / "oom_score_adj").write_text("-17\n")
    (folder / "oom_score").write_text("655\n")
    (folder / "comm").write_bytes(b"a\n\xff\x1b[2J\n")
    found = read_process(ProcRoot(tmp_path), 7, 1 << 30)
    assert found is not None
    assert (found.command, found.kernel_score) == ("a\n\\xff\x1b[2J", 655)


def test_pids_are_the_directories_with_numbers(tmp_path: Path) -> None:
    for name in ("20", "3", "self", "sys"):
        (tmp_path / name).mkdir()
    assert ProcRoot(tmp_path).pids() == [3, 20]
    assert os.getpid() in PROC.pids()


def test_a_process_that_does_not_exist_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ProcessGoneError):
        read_process(ProcRoot(tmp_path), 99, 1 << 30)
