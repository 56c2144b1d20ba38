"""What does not depend on each other runs side by side, and ends together."""

import threading
import time
from pathlib import Path

import pytest

from e2e.lab.errors import LabError
from e2e.lab.shell import run
from e2e.lab.steps import Step, run_side_by_side
from tests.support.running import is_running


def test_a_step_begins_when_what_it_needs_is_done_and_sees_its_result() -> None:
    base = Step(lambda: 2)
    double = Step(lambda: base.result * 2, base)
    total = Step(lambda: base.result + double.result, base, double)
    run_side_by_side([total])
    assert total.result == 6


def test_a_step_that_several_need_is_done_once() -> None:
    done: list[str] = []
    base = Step(lambda: done.append("base"))
    run_side_by_side([Step(lambda: done.append("one"), base), Step(done.clear, base)])
    assert done.count("base") <= 1


def test_steps_that_need_nothing_of_each_other_run_at_the_same_time() -> None:
    both_there = threading.Barrier(2, timeout=10)
    run_side_by_side([Step(both_there.wait), Step(both_there.wait)])
    assert not both_there.broken


def test_a_failure_is_raised_and_what_needs_it_never_begins() -> None:
    begun: list[str] = []

    def fail() -> None:
        raise LabError("no disk")

    with pytest.raises(LabError, match="no disk"):
        run_side_by_side([Step(lambda: begun.append("after"), Step(fail))])
    assert begun == []


def test_a_failure_ends_the_programs_of_the_other_steps_with_all_they_started(
    tmp_path: Path,
) -> None:
    pid_file = tmp_path / "pid"

    def fail_when_the_other_runs() -> None:
        while not pid_file.exists() or not pid_file.read_text().endswith("\n"):
            time.sleep(0.01)
        raise LabError("no disk")

    script = f"sh -c 'echo $$ > {pid_file}; exec sleep 600'; true"
    with pytest.raises(LabError, match="no disk"):
        run_side_by_side([Step(lambda: run("sh", "-c", script)), Step(fail_when_the_other_runs)])
    while is_running(int(pid_file.read_text())):
        pass


def test_after_a_failure_programs_run_again() -> None:
    def fail() -> None:
        raise LabError("no disk")

    with pytest.raises(LabError):
        run_side_by_side([Step(fail)])
    assert run("echo", "on") == "on\n"
