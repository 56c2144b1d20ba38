"""Without inotify watches or file descriptors, kills are recorded later, but never wrongly."""

from collections.abc import Callable
from typing import Any

Check = Callable[[str], dict[str, Any]]
OF_ONE_CGROUP = 3
"""Descriptors that a followed cgroup needs; others are temporary."""


def test_without_a_watch_kills_are_recorded_and_no_other_container_is_named(levels: Check) -> None:
    seen = levels("no_watches")
    assert seen["watches"] == [0, 0]
    named = [one["container"] for one in seen["report"].records("log")]
    assert named == ["lasting", "ended", "later"]
    lasting, ended, later = seen["report"].records("counters")
    assert (lasting["container"], later["container"]) == ("lasting", "later")
    assert ended["container"] in {"ended", None}


def test_a_kill_in_a_pod_that_could_not_be_opened_is_recorded_once(levels: Check) -> None:
    seen = levels("no_descriptors")
    more = [after - before for before, after in zip(seen["held"], seen["opened"], strict=True)]
    assert max(more) < OF_ONE_CGROUP
    by_log, by_counters = seen["report"].only("log"), seen["report"].only("counters")
    assert (by_log["container"], by_log["level"]) == ("app", "QoS")
    assert (by_counters["container"], by_counters["level"]) == ("app", "Pod")
