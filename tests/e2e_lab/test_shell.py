"""A program that the lab runs ends with all that it has started."""

from pathlib import Path

import pytest

from e2e.lab.errors import CommandError, LabError
from e2e.lab.shell import ending_all, run, succeeds
from tests.support.running import is_running


def test_a_failure_shows_what_the_program_said_last() -> None:
    with pytest.raises(CommandError, match="exit code 3:\n  no disk"):
        run("sh", "-c", "echo no disk >&2; exit 3")


def test_a_program_that_takes_too_long_is_ended_with_what_it_has_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {pid_file}; wait"
    with pytest.raises(LabError, match="was not done after 0 s"):
        run("sh", "-c", script, timeout=0.3)
    while is_running(int(pid_file.read_text())):
        pass


def test_a_program_gets_the_text_for_its_input_and_else_none() -> None:
    assert run("cat", stdin="text") == "text"
    assert run("cat") == ""


def test_nothing_is_started_while_all_programs_are_ended() -> None:
    with ending_all(), pytest.raises(LabError, match="another step failed"):
        run("true")
    assert succeeds("true")
