"""What the kernel's own selftests assert about memory.events, and what oomwarden records."""

from collections.abc import Callable
from typing import Any

Check = Callable[[str], dict[str, Any]]


def counted(events: dict[str, int]) -> tuple[bool, int, int]:
    """Return comparable counters; `oom` may rise again for a kill, through another process."""
    return events["oom"] > 0, events["oom_kill"], events["oom_group_kill"]


def test_one_kill_is_counted_once_at_its_container_and_at_every_level_above(levels: Check) -> None:
    seen = levels("oom_events")
    assert counted(seen["container"]) == counted(seen["pod"]) == counted(seen["kubepods"])
    assert counted(seen["pod"]) == (True, 1, 0)
    assert counted(seen["other"]) == (False, 0, 0)
    assert seen["left"]


def test_local_events_rise_only_where_the_limit_was_hit(levels: Check) -> None:
    local = levels("oom_events")["local"]
    assert counted(local["container"]) == (True, 1, 0)
    assert counted(local["pod"]) == (False, 0, 0)


def test_a_kill_raises_max_and_oom_of_the_cgroup_whose_limit_was_hit(levels: Check) -> None:
    """So a rise of `max` without `oom` is a near miss (core/incidents/near_misses.py)."""
    local = levels("oom_events")["local"]
    assert local["container"]["max"] > 0
    assert local["container"]["oom"] > 0
    assert (local["pod"]["max"], local["pod"]["oom"]) == (0, 0)


def test_a_single_kill_is_one_record_with_its_victim(levels: Check) -> None:
    seen = levels("oom_events")
    record = seen["report"].only()
    assert (record["container"], record["kills"], record["group"]) == ("app", 1, False)
    assert record["victims"] == [seen["victim"]]
    assert seen["report"].only("counters")["victims"] == []


def test_a_group_kill_kills_the_whole_container_and_nothing_else(levels: Check) -> None:
    seen = levels("group_leaf")
    assert seen["codes"] == [-9, None]
    assert counted(seen["container"]) == counted(seen["pod"]) == (True, 3, 1)
    assert counted(seen["local"]) == (True, 3, 1)


def test_a_group_kill_is_one_kill_and_each_victim_is_named_once(levels: Check) -> None:
    seen = levels("group_leaf")
    record = seen["report"].only()
    assert (record["kills"], record["raw"], record["group"]) == (1, 3, True)
    assert record["victims"] == [seen["hog"], seen["idle"]]
    assert seen["report"].only("counters")["kills"] == 1


def test_a_group_kill_set_on_a_parent_kills_all_cgroups_below(levels: Check) -> None:
    seen = levels("group_parent")
    assert seen["codes"] == [-9, -9]
    assert counted(seen["container"]) == (True, 3, 1)
    assert (seen["one"]["oom_kill"], seen["two"]["oom_kill"]) == (2, 1)
    assert seen["one"]["oom_group_kill"] == 0
    assert seen["report"].only()["victims"] == seen["pids"]


def test_a_process_at_minus_1000_is_spared_and_the_first_victim_counts_twice(
    levels: Check,
) -> None:
    seen = levels("group_score")
    assert seen["codes"] == [None, -9]
    assert counted(seen["container"]) == (True, 3, 1)
    assert seen["report"].only()["victims"] == seen["pids"]
    assert [seen["report"].only(name)["kills"] for name in ("log", "counters")] == [1, 1]


def test_a_removed_cgroup_is_gone_for_every_reader_and_its_kill_stays_in_the_parents(
    levels: Check,
) -> None:
    seen = levels("removed")
    assert seen["read"]
    assert seen["limit"]
    assert seen["open"]
    assert seen["vanished"]
    assert sorted(zip(seen["levels"], seen["kills"], strict=True)) == [
        ("Kubepods", 1),
        ("Pod", 1),
        ("QoS", 0),
        ("QoS", 1),
    ]
    assert seen["unreadable"] == 0
