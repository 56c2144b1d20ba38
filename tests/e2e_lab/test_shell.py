"""A program that the lab runs is terminated with its children."""

from pathlib import Path

import pytest

from e2e.lab.errors import CommandError, LabError
from e2e.lab.shell import run, succeeds, terminating_all
from tests.support.running import is_running


def test_a_failure_shows_the_programs_last_output() -> None:
    with pytest.raises(CommandError, match="exit code 3:\n  no disk"):
        run("sh", "-c", "echo no disk >&2; exit 3")


def test_a_program_that_times_out_is_terminated_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {pid_file}; wait"
    with pytest.raises(LabError, match="did not finish within 0 s"):
        run("sh", "-c", script, timeout=0.3)
    while is_running(int(pid_file.read_text())):
        pass


def test_a_program_gets_the_given_input_or_none() -> None:
    assert run("cat", stdin="text") == "text"
    assert run("cat") == ""


def test_no_program_starts_while_all_are_terminated() -> None:
    with terminating_all(), pytest.raises(LabError, match="another step failed"):
        run("true")
    assert succeeds("true")
