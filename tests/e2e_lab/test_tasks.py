"""Independent tasks run concurrently, and stop together."""

import threading
import time
from pathlib import Path

import pytest

from e2e.lab.errors import LabError
from e2e.lab.shell import run
from e2e.lab.tasks import Task, run_concurrently
from tests.support.running import is_running


def test_a_task_starts_after_its_dependencies_and_sees_their_results() -> None:
    base = Task(lambda: 2)
    double = Task(lambda: base.result * 2, base)
    total = Task(lambda: base.result + double.result, base, double)
    run_concurrently([total])
    assert total.result == 6


def test_a_shared_dependency_runs_once() -> None:
    done: list[str] = []
    base = Task(lambda: done.append("base"))
    run_concurrently([Task(lambda: done.append("one"), base), Task(done.clear, base)])
    assert done.count("base") <= 1


def test_independent_tasks_run_concurrently() -> None:
    both_there = threading.Barrier(2, timeout=10)
    run_concurrently([Task(both_there.wait), Task(both_there.wait)])
    assert not both_there.broken


def test_a_failure_is_raised_and_dependent_tasks_never_start() -> None:
    started: list[str] = []

    def fail() -> None:
        raise LabError("no disk")

    with pytest.raises(LabError, match="no disk"):
        run_concurrently([Task(lambda: started.append("after"), Task(fail))])
    assert started == []


def test_a_failure_terminates_the_programs_of_other_tasks_with_their_children(
    tmp_path: Path,
) -> None:
    pid_file = tmp_path / "pid"

    def fail_when_the_other_runs() -> None:
        while not pid_file.exists() or not pid_file.read_text().endswith("\n"):
            time.sleep(0.01)
        raise LabError("no disk")

    script = f"sh -c 'echo $$ > {pid_file}; exec sleep 600'; true"
    with pytest.raises(LabError, match="no disk"):
        run_concurrently([Task(lambda: run("sh", "-c", script)), Task(fail_when_the_other_runs)])
    while is_running(int(pid_file.read_text())):
        pass


def test_after_a_failure_programs_run_again() -> None:
    def fail() -> None:
        raise LabError("no disk")

    with pytest.raises(LabError):
        run_concurrently([Task(fail)])
    assert run("echo", "on") == "on\n"
