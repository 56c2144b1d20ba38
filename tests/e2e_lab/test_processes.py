"""Exactly the processes that the lab started are stopped."""

from pathlib import Path

import pytest

from e2e.lab import processes
from e2e.lab.processes import ProcessRecord

STAT = "4242 (odd ) name) S 1 4242 4242 0 -1 4194304 99 0 0 0 1 2 0 0 20 0 1 0 777 5 6 7\n"


def test_a_process_record_is_parsed_past_brackets_and_spaces_in_the_command() -> None:
    assert ProcessRecord.parse(f"{STAT}boot-1\n") == ProcessRecord(4242, 777, "boot-1")


def test_a_started_process_is_recorded_and_stopped(tmp_path: Path) -> None:
    record = processes.start("sleeper", ["sleep", "600"], tmp_path)
    assert processes.is_alive("sleeper", tmp_path)
    assert processes.process_id("sleeper", tmp_path) == record.pid
    assert processes.stop("sleeper", tmp_path)
    assert not processes.is_alive("sleeper", tmp_path)
    assert not processes.stop("sleeper", tmp_path)


def test_a_process_that_ignores_the_first_signal_is_killed(tmp_path: Path) -> None:
    stubborn = ["sh", "-c", 'trap "" TERM; echo ready; exec sleep 600']
    record = processes.start("stubborn", stubborn, tmp_path)
    while "ready" not in (tmp_path / "stubborn.log").read_text():
        pass
    assert processes.stop("stubborn", tmp_path, patience=0.05)
    assert not record.is_alive()


@pytest.mark.parametrize("change", ["start time", "boot"])
def test_a_process_id_that_now_means_another_process_is_left_alone(
    tmp_path: Path, change: str
) -> None:
    stat = Path("/proc/self/stat").read_text()
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text()
    mine = ProcessRecord.parse(stat + boot_id)
    if change == "boot":
        boot_id = "another-boot\n"
    else:
        stat = stat.replace(f" {mine.start_time} ", f" {mine.start_time - 1} ")
    (tmp_path / "reused.process").write_text(stat + boot_id)
    assert mine.is_alive()
    assert not processes.is_alive("reused", tmp_path)
    assert not processes.stop("reused", tmp_path)
