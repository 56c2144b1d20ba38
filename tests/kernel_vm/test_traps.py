"""Traps of the kernel's interface: what is not counted, notified, kept or true."""

from collections.abc import Callable
from typing import Any

Check = Callable[[str], dict[str, Any]]


def test_what_is_killed_with_a_victims_memory_is_neither_counted_nor_logged(storms: Check) -> None:
    seen = storms("not_counted")
    assert seen["codes"] == [-9, -9, -9]
    assert (seen["shared"]["oom_kill"], seen["lines"]) == (1, 1)
    (victim,) = seen["report"].only()["victims"]
    assert victim in seen["both"]


def test_cgroup_kill_is_no_oom_kill(storms: Check) -> None:
    assert storms("not_counted")["killed"]["oom_kill"] == 0


def test_few_bumps_of_a_group_kill_are_notified_and_all_are_told(storms: Check) -> None:
    seen = storms("coalescing")
    assert 0 < seen["notified"] < seen["kills"]
    assert seen["report"].only("counters")["raw"] == seen["kills"]


def test_watches_and_descriptors_end_with_their_cgroups(storms: Check) -> None:
    seen = storms("watches_do_not_leak")
    assert seen["begun"] == seen["ended"]
    assert seen["most"] == seen["begun"] + 25
    assert seen["descriptors"][0] == seen["descriptors"][1]


def test_a_watch_on_a_removed_cgroup_stays_until_it_is_ended(storms: Check) -> None:
    seen = storms("watch_on_a_removed_cgroup")
    major, minor = (int(part) for part in seen["release"].split(".")[:2])
    assert seen["open"] == [1, 0]
    # Since 7.1 the kernel ends it, but only where nobody has the file open, as the agent has.
    assert seen["closed"] == [0 if (major, minor) >= (7, 1) else 1, 0]


def test_a_forged_line_in_the_log_is_not_believed(storms: Check) -> None:
    seen = storms("log_is_not_forged")
    assert seen["written"] == 1
    assert seen["believed"] == 0


def test_a_victims_name_may_hold_anything(storms: Check) -> None:
    seen = storms("hostile_names")
    records = sorted(seen["report"].records(), key=lambda one: one["id"])
    assert [one["victims"] for one in records] == [[pid] for pid in seen["pids"]]
    assert [one["commands"] for one in records] == [
        ["a\\nb"],
        ["x) total-vm:1kB"],
        ["\\xff\\xfe\\xfd"],
        ["(a b) [c]"],
        ["Killed process"],
    ]


def test_a_mount_with_local_events_hides_kills_and_is_seen(storms: Check) -> None:
    seen = storms("local_events_mount")
    assert seen["counted"] == [1, 0]
    assert seen["said"] == [False, True, False]


def test_a_container_with_nobody_to_kill_spins_until_somebody_may_be(storms: Check) -> None:
    seen = storms("nobody_to_kill")
    assert seen["alive"]
    assert seen["events"]["oom"] > 1
    assert seen["events"]["oom_kill"] == 0
    assert seen["complaints"] > 1
    assert seen["code"] == -9
    assert seen["report"].only()["kills"] == 1
