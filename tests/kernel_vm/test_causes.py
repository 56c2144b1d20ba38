"""Causes of kills, with the kernel log and with the counters alone."""

from collections.abc import Callable
from typing import Any

import pytest

Check = Callable[[str], dict[str, Any]]
BOTH = ("log", "counters")
ONCE_OR_TWICE = {1, 2}
"""A group kill counts its first victim again, unless it has already exited, which is possible if
another process requested the memory (Linux mm/oom_kill.c, oom_kill_process)."""


def recorded_causes(seen: dict[str, Any]) -> set[tuple[str, str | None, str | None]]:
    records = [seen["report"].only(name) for name in BOTH]
    return {(one["cause"], one["enforcedAt"], one["limit"]) for one in records}


def test_a_kill_at_a_containers_limit(levels: Check) -> None:
    seen = levels("container_limit")
    assert recorded_causes(seen) == {("ContainerLimit", None, "8Mi")}
    assert seen["report"].only()["victims"] == [seen["victim"]]


def test_no_cgroup_name_misattributes_a_kill_and_an_overlong_line_is_read(levels: Check) -> None:
    seen = levels("a_name_that_forges")
    assert (seen["codes"], seen["pieces"]) == ([-9], 1)
    record = seen["report"].only()
    assert (record["container"], record["victims"]) == ("app", [seen["victim"]])
    assert (record["cause"], record["limit"]) == ("ContainerLimit", "8Mi")
    assert record["sub"] == seen["name"][:256]


def test_a_kill_at_a_pods_limit_whose_victim_did_not_request_the_memory(levels: Check) -> None:
    seen = levels("pod_limit")
    assert seen["codes"] == [-9, None]
    assert recorded_causes(seen) == {("PodLimit", None, "32Mi")}
    assert {seen["report"].only(name)["container"] for name in BOTH} == {"victim"}
    assert seen["report"].only()["victims"] == [seen["victim"]]


def test_oom_does_not_rise_at_the_container_when_the_pods_limit_was_hit(levels: Check) -> None:
    seen = levels("pod_limit")
    assert seen["container"]["oom"] == 0
    assert seen["container"]["oom_kill"] in ONCE_OR_TWICE
    assert seen["pod"]["oom"] > 0


def test_a_single_containers_limit_enforced_at_its_pod(levels: Check) -> None:
    seen = levels("container_limit_enforced_at_pod")
    assert seen["container"]["oom"] == seen["container"]["max"] == 0
    assert seen["pod"]["max"] > 0
    assert recorded_causes(seen) == {("ContainerLimit", "Pod", "16Mi")}


def test_a_pod_limit_that_is_the_sum_of_its_containers_is_a_container_limit(levels: Check) -> None:
    seen = levels("limits_add_up_to_the_pods")
    assert seen["codes"] == [-9, None]
    assert recorded_causes(seen) == {("ContainerLimit", "Pod", "16Mi")}


def test_all_pods_together_exceed_the_nodes_allocatable_memory(levels: Check) -> None:
    seen = levels("node_allocatable")
    assert seen["calm"] == [None]
    assert seen["container"]["oom"] == 0 < seen["above"]["oom"]
    assert recorded_causes(seen) == {("NodeAllocatable", None, "48Mi")}
    assert seen["report"].only()["pod"] == seen["pod"]


def test_a_full_qos_class_is_recorded_as_node_allocatable(levels: Check) -> None:
    assert recorded_causes(levels("qos_class_is_full")) == {("NodeAllocatable", "QoS", None)}


def test_a_node_out_of_memory_raises_oom_in_no_cgroup(levels: Check) -> None:
    seen = levels("node_out_of_memory")
    assert (seen["container"]["oom"], seen["kubepods"]["oom"]) == (0, 0)
    assert seen["kubepods"]["oom_kill"] in ONCE_OR_TWICE
    assert seen["calm"] == [None]
    assert recorded_causes(seen) == {("NodeOutOfMemory", None, None)}


def test_a_nested_node_learns_only_from_the_log_that_the_machine_is_out_of_memory(
    levels: Check,
) -> None:
    report = levels("node_out_of_memory_seen_nested")["report"]
    assert report.causes() == {"log": ["NodeOutOfMemory"], "counters": ["Unknown"]}


def test_a_limit_above_a_nested_node_is_not_attributed_to_the_node(levels: Check) -> None:
    causes = levels("a_limit_above_a_nested_node")["report"].causes()
    assert causes["counters"] == ["Unknown"]
    assert causes["log"] == ["Unknown"]


def test_kills_at_two_levels_in_one_read_are_unknown_without_the_log(levels: Check) -> None:
    seen = levels("two_levels_in_one_read")
    causes = seen["report"].causes()
    assert causes["counters"] == ["Unknown", "Unknown"]
    by_container = {one["container"]: one for one in seen["report"].records()}
    limited, large = by_container["limited"], by_container["large"]
    assert (limited["cause"], limited["victims"]) == ("ContainerLimit", seen["victims"][:1])
    assert (large["cause"], large["victims"]) == ("PodLimit", seen["victims"][1:])


def test_a_limit_set_inside_a_container_is_not_recorded_as_its_limit(levels: Check) -> None:
    record = levels("systemd_in_a_container")["report"].only()
    assert record["limit"] is None


@pytest.mark.parametrize("agent", BOTH)
def test_a_kill_at_a_limit_inside_a_container_is_a_container_limit_kill(
    levels: Check, agent: str
) -> None:
    record = levels("systemd_in_a_container")["report"].only(agent)
    assert (record["cause"], record["container"]) == ("ContainerLimit", "app")
