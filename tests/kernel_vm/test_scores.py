"""Scores on a real kernel with cgroup v2: nested and threaded cgroups, and reused pids."""

from collections.abc import Callable
from typing import Any


def test_scores_are_set_and_restored_in_nested_and_threaded_cgroups(
    levels: Callable[[str], dict[str, Any]],
) -> None:
    assert levels("scores") == {
        "lowered": [-500, -500, -500, 7],
        "changed": 3,
        "own": 1,
        "again": 0,
        "complete": True,
        "back": [899, 899, 899, 7],
        "threads": True,
    }


def test_a_pid_reused_between_read_and_write_is_never_written_to(
    levels: Callable[[str], dict[str, Any]],
) -> None:
    untouched = {"same pid": True, "heir": 7, "changed": 0, "holding": [], "failures": 0}
    assert levels("reused_pid") == {"first": untouched, "last": untouched}
