"""Whose memory ran out, as the kernel log says and as the counters alone tell."""

from collections.abc import Callable
from typing import Any

import pytest

Check = Callable[[str], dict[str, Any]]
BOTH = ("log", "counters")
ONCE_OR_TWICE = {1, 2}
"""A group kill counts its first victim again, unless that is gone by then: it may be where another
process asked for memory (Linux mm/oom_kill.c, oom_kill_process)."""


def told(seen: dict[str, Any]) -> set[tuple[str, str | None, str | None]]:
    records = [seen["report"].only(name) for name in BOTH]
    return {(one["cause"], one["enforcedAt"], one["limit"]) for one in records}


def test_a_containers_limit(levels: Check) -> None:
    seen = levels("container_limit")
    assert told(seen) == {("ContainerLimit", None, "8Mi")}
    assert seen["report"].only()["victims"] == [seen["victim"]]


def test_no_name_moves_a_kill_and_a_line_longer_than_a_record_is_read(levels: Check) -> None:
    seen = levels("a_name_that_forges")
    assert (seen["codes"], seen["pieces"]) == ([-9], 1)
    told = seen["report"].only()
    assert (told["container"], told["victims"]) == ("app", [seen["victim"]])
    assert (told["cause"], told["limit"]) == ("ContainerLimit", "8Mi")
    assert told["sub"] == seen["name"][:256]


def test_a_pods_limit_where_the_victim_is_not_who_asked_for_more(levels: Check) -> None:
    seen = levels("pod_limit")
    assert seen["codes"] == [-9, None]
    assert told(seen) == {("PodLimit", None, "32Mi")}
    assert {seen["report"].only(name)["container"] for name in BOTH} == {"victim"}
    assert seen["report"].only()["victims"] == [seen["victim"]]


def test_oom_does_not_rise_at_the_container_when_the_pods_limit_was_hit(levels: Check) -> None:
    seen = levels("pod_limit")
    assert seen["container"]["oom"] == 0
    assert seen["container"]["oom_kill"] in ONCE_OR_TWICE
    assert seen["pod"]["oom"] > 0


def test_a_single_containers_limit_that_its_pod_enforced(levels: Check) -> None:
    seen = levels("container_limit_enforced_at_pod")
    assert seen["container"]["oom"] == 0
    assert told(seen) == {("ContainerLimit", "Pod", "16Mi")}


def test_limits_that_add_up_to_the_pods_are_the_containers(levels: Check) -> None:
    seen = levels("limits_add_up_to_the_pods")
    assert seen["codes"] == [-9, None]
    assert told(seen) == {("ContainerLimit", "Pod", "16Mi")}


def test_all_pods_together_are_over_the_nodes_allocatable_memory(levels: Check) -> None:
    seen = levels("node_allocatable")
    assert seen["calm"] == [None]
    assert seen["container"]["oom"] == 0 < seen["above"]["oom"]
    assert told(seen) == {("NodeAllocatable", None, "48Mi")}
    assert seen["report"].only()["pod"] == seen["pod"]


def test_a_full_qos_class_is_the_nodes_allocatable_memory_too(levels: Check) -> None:
    assert told(levels("qos_class_is_full")) == {("NodeAllocatable", "QoS", None)}


def test_a_node_out_of_memory_raises_nobodys_oom(levels: Check) -> None:
    seen = levels("node_out_of_memory")
    assert (seen["container"]["oom"], seen["kubepods"]["oom"]) == (0, 0)
    assert seen["kubepods"]["oom_kill"] in ONCE_OR_TWICE
    assert seen["calm"] == [None]
    assert told(seen) == {("NodeOutOfMemory", None, None)}


def test_a_nested_node_knows_of_the_machines_memory_by_the_log_alone(levels: Check) -> None:
    report = levels("node_out_of_memory_seen_nested")["report"]
    assert report.causes() == {"log": ["NodeOutOfMemory"], "counters": ["Unknown"]}


def test_a_limit_above_a_nested_node_is_not_called_its_own(levels: Check) -> None:
    causes = levels("a_limit_above_a_nested_node")["report"].causes()
    assert causes["counters"] == ["Unknown"]
    assert causes["log"] == ["Unknown"]


def test_two_levels_in_one_read_are_unknown_without_the_log(levels: Check) -> None:
    seen = levels("two_levels_in_one_read")
    causes = seen["report"].causes()
    assert causes["counters"] == ["Unknown", "Unknown"]
    by_container = {one["container"]: one for one in seen["report"].records()}
    limited, large = by_container["limited"], by_container["large"]
    assert (limited["cause"], limited["victims"]) == ("ContainerLimit", seen["victims"][:1])
    assert (large["cause"], large["victims"]) == ("PodLimit", seen["victims"][1:])


def test_a_limit_that_a_container_set_for_itself_is_not_told_as_its_own(levels: Check) -> None:
    record = levels("systemd_in_a_container")["report"].only()
    assert record["limit"] is None


@pytest.mark.parametrize("agent", BOTH)
def test_a_nested_limit_is_below_the_containers_whoever_tells(levels: Check, agent: str) -> None:
    record = levels("systemd_in_a_container")["report"].only(agent)
    assert (record["cause"], record["container"]) == ("ContainerLimit", "app")
