"""Durations of stories."""

from types import SimpleNamespace
from typing import cast

import pytest

from e2e.times import Times, short_name


def report(nodeid: str, seconds: float, worker: str = "gw1") -> pytest.TestReport:
    values = SimpleNamespace(nodeid=nodeid, duration=seconds, worker_id=worker, failed=False)
    return cast("pytest.TestReport", values)


def test_short_names_have_neither_folder_nor_group() -> None:
    assert short_name("e2e/test_kills.py::test_a") == "test_kills.py::test_a"
    assert short_name("e2e/test_kills.py::test_a@limits") == "test_kills.py::test_a"
    assert short_name("e2e/test_kills.py::test_a[x@y]@limits") == "test_kills.py::test_a[x@y]"
    assert short_name("e2e/test_kills.py::test_a[x@y]") == "test_kills.py::test_a[x@y]"
    assert short_name("e2e/test_kills.py::test_a[x/y]") == "test_kills.py::test_a[x/y]"


def test_a_storys_time_is_the_sum_of_setup_call_and_teardown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OOMWARDEN_LAB", "test")
    times = Times()
    for seconds in (5.0, 1.25, 0.25):
        times.pytest_runtest_logreport(report("e2e/test_a.py::test_long@g", seconds))
    times.pytest_runtest_logreport(report("e2e/test_a.py::test_longer", 7.0, "gw0"))
    assert times.slowest_first() == [
        {"name": "test_a.py::test_longer", "seconds": 7.0, "cluster": "test-gw0"},
        {"name": "test_a.py::test_long", "seconds": 6.5, "cluster": "test-gw1"},
    ]


def test_a_story_that_failed_has_the_lines_that_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOMWARDEN_LAB", "test")
    failed = pytest.TestReport(
        "e2e/test_a.py::test_late", ("e2e/test_a.py", 1, "test_late"), {}, "failed",
        "    assert 1 == 2\nE   assert 1 == 2\n\ntest_a.py:9: AssertionError", "call", duration=3.0,
    )  # fmt: skip
    times = Times()
    times.pytest_runtest_logreport(failed)
    (story,) = times.slowest_first()
    assert story["failed"] == ["in call:", "E   assert 1 == 2"]
