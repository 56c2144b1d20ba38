"""Every kill is recorded once: in storms, while the agent is stopped, and after it was killed."""

from collections.abc import Callable
from typing import Any

import pytest

Check = Callable[[str], dict[str, Any]]
BOTH = ("log", "counters")


def wrong_victims(seen: dict[str, Any], agent: str = "log") -> list[tuple[str, int]]:
    """Return the victims that a record attributes to a container that cannot be theirs."""
    wrong = []
    for one in seen["report"].records(agent):
        for pid in one["victims"]:
            pod, container, identifier = seen["owner"][str(pid)]
            may_be = one["id"] is None and container in one["candidates"]
            if one["pod"] != pod or not (may_be or one["id"] == identifier):
                wrong.append((one["id"], pid))
    return wrong


def test_200_containers_killed_simultaneously_are_200_records(storms: Check) -> None:
    seen = storms("storm")
    assert seen["dead"]
    assert seen["kills"] == 200
    assert sorted(one["id"] for one in seen["report"].records()) == seen["containers"]
    assert {one["kills"] for one in seen["report"].records()} == {1}


def test_the_log_has_a_line_for_each_victim_and_names_few_of_them(storms: Check) -> None:
    seen = storms("storm")
    assert not seen["lost"]
    assert seen["lines"]["Killed process"] == seen["kills"]
    # 10 in each 5 s; the storm lasts longer on a busy machine.
    assert 0 < seen["lines"]["oom-kill"] <= 10 * (seen["seconds"] / 5 + 2)
    assert seen["lines"]["oom-kill"] < seen["kills"]


def test_200_group_kills_whose_cgroups_are_removed_immediately_are_all_recorded(
    storms: Check,
) -> None:
    seen = storms("storm_of_groups_that_are_removed")
    records = seen["report"].records()
    assert seen["removed"] == 200
    assert seen["report"].kernel == 400
    assert sum(one["kills"] for one in records) == 200
    assert wrong_victims(seen) == []
    named = [one["id"] for one in records if one["id"]]
    assert len(named) == len(set(named))
    assert all(len(one["candidates"]) > 1 for one in records if one["id"] is None)


def test_in_a_storm_no_kill_at_a_container_limit_is_attributed_to_the_node(storms: Check) -> None:
    records = storms("storm_of_groups_that_are_removed")["report"].records()
    assert {one["cause"] for one in records} == {"ContainerLimit"}


@pytest.mark.parametrize(
    ("check", "agent"),
    [
        ("init_containers_die_at_once", "log"),
        ("init_containers_die_at_once", "counters"),
        ("pods_come_and_die_at_once", "log"),
    ],
)
def test_init_containers_that_exit_immediately_are_recorded_with_their_own_id(
    storms: Check, check: str, agent: str
) -> None:
    seen = storms(check)
    records = seen["report"].records(agent)
    assert seen["removed"]
    assert {one["pod"]: one["id"] for one in records} == seen["containers"]
    assert {one["container"] for one in records} == {"setup"}
    assert {one["kills"] for one in records} == {1}


def test_without_the_log_a_container_removed_before_its_pod_was_seen_is_a_candidate(
    storms: Check,
) -> None:
    seen = storms("pods_come_and_die_at_once")
    records = seen["report"].records("counters")
    assert sorted(one["pod"] for one in records) == sorted(seen["containers"])
    for one in records:
        unnamed = one["id"] is None and "setup" in one["candidates"]
        assert unnamed or one["id"] == seen["containers"][one["pod"]]


@pytest.mark.parametrize("agent", BOTH)
def test_a_container_that_dies_before_it_could_be_opened_is_named(
    storms: Check, agent: str
) -> None:
    seen = storms("before_it_could_be_opened")
    record = seen["report"].only(agent)
    assert (record["container"], record["id"]) == ("setup", seen["id"])
    assert (record["cause"], record["limit"]) == ("ContainerLimit", "8Mi")
    assert record["victims"] == ([seen["victim"]] if agent == "log" else [])


@pytest.mark.parametrize("agent", BOTH)
def test_unrecorded_kills_of_a_removed_container_are_found_at_its_pod(
    storms: Check, agent: str
) -> None:
    seen = storms("removed_straight_after")
    record = seen["report"].only(agent)
    assert (record["container"], record["id"]) == ("app", seen["id"])
    assert (record["level"], record["raw"]) == ("Pod", 2)


def test_the_log_attributes_the_victims_of_two_removed_containers(storms: Check) -> None:
    seen = storms("two_removed_straight_after")
    records = {one["container"]: one["victims"] for one in seen["report"].records()}
    assert records == {"app": seen["victims"][:1], "sidecar": seen["victims"][1:]}


def test_without_the_log_both_removed_containers_are_candidates(storms: Check) -> None:
    record = storms("two_removed_straight_after")["report"].only("counters")
    assert (record["container"], record["candidates"]) == (None, ["app", "sidecar"])
    assert (record["kills"], record["raw"]) == (2, 4)


@pytest.mark.parametrize("agent", BOTH)
def test_kills_of_a_pod_removed_unread_are_recorded_at_its_qos_class(
    storms: Check, agent: str
) -> None:
    seen = storms("pod_removed_straight_after")
    record = seen["report"].only(agent)
    assert (record["pod"], record["id"], record["level"]) == (seen["pod"], seen["id"], "QoS")
    assert record["cause"] == ("ContainerLimit" if agent == "log" else "Unknown")


def test_an_overflow_of_the_inotify_queue_loses_no_kill(storms: Check) -> None:
    seen = storms("queue_overflow")
    assert seen["report"].kernel == 100
    records = seen["report"].records()
    assert sum(one["kills"] for one in records) == 50
    assert wrong_victims(seen) == []
    owners = sorted(identifier for _pod, _container, identifier in seen["owner"].values())
    assert sorted(one["id"] for one in records) == owners


def test_after_an_overflow_no_container_is_named_by_elimination_without_the_log(
    storms: Check,
) -> None:
    seen = storms("queue_overflow")
    records = seen["report"].records("counters")
    assert sum(one["kills"] for one in records) == 50
    unnamed = {one["pod"] for one in records if one["id"] is None}
    assert unnamed == set(seen["pods"]["gone"])


@pytest.mark.parametrize("agent", BOTH)
def test_an_agent_killed_in_a_storm_loses_no_kill_and_records_none_twice(
    storms: Check, agent: str
) -> None:
    seen = storms("restart_in_a_storm")
    recorded = [one["id"] for one in seen["report"].records(agent)]
    assert sorted(recorded) == sorted(seen["containers"])


@pytest.mark.parametrize("agent", BOTH)
def test_a_group_kill_of_200_processes_is_one_kill(storms: Check, agent: str) -> None:
    seen = storms("many_processes")
    assert (seen["lines"], seen["events"]["oom_kill"]) == (201, 201)
    record = seen["report"].only(agent)
    assert (record["kills"], record["raw"]) == (1, 201)
    assert record["cause"] == "ContainerLimit"
    assert len(record["victims"]) == (16 if agent == "log" else 0)
