"""Cgroup layouts: both cgroup drivers, a nested kubelet, and cgroups inside a container."""

from collections.abc import Callable
from typing import Any

import pytest

Check = Callable[[str], dict[str, Any]]
BOTH = ("log", "counters")


@pytest.mark.parametrize(
    ("check", "driver"),
    [
        ("systemd", "systemd"),
        ("cgroupfs", "cgroupfs"),
        ("nested_systemd", "systemd"),
        ("nested_cgroupfs", "cgroupfs"),
        ("crio", "systemd"),
    ],
)
def test_each_layout_is_found_and_every_kill_attributed(
    levels: Check, check: str, driver: str
) -> None:
    seen = levels(check)
    assert seen["kubepods"]
    assert seen["driver"] == driver
    for agent in BOTH:
        records = seen["report"].records(agent)
        assert sorted([one["pod"], one["id"]] for one in records) == sorted(seen["pods"])
        assert {one["container"] for one in records} == {"app"}
        assert {one["cause"] for one in records} == {"ContainerLimit"}


@pytest.mark.parametrize("check", ["systemd", "cgroupfs"])
def test_a_static_pods_kill_is_recorded_for_its_mirror_pod(levels: Check, check: str) -> None:
    uids = [one["uid"] for one in levels(check)["report"].records()]
    assert [uid for uid in uids if uid.startswith("mirror-")] == [
        "mirror-0123456789abcdef0123456789abcdef"
    ]


def test_processes_in_cruns_sub_cgroup_belong_to_the_container(levels: Check) -> None:
    seen = levels("sub_cgroup_of_crun")
    assert seen["processes"]
    assert seen["codes"] == [-9, -9]
    record = seen["report"].only()
    assert (record["container"], record["kills"]) == ("app", 1)
    assert record["victims"] == seen["victims"]


def test_group_kill_false_applies_to_cruns_sub_cgroup(levels: Check) -> None:
    seen = levels("group_kill_in_the_sub_cgroup_of_crun")
    assert seen["found"] == [True, True]
    assert seen["held"]
    assert seen["deep"], "a process 21 cgroups below the container's cgroup belongs to it"
    assert seen["codes"] == [-9, None]


def test_a_group_kill_inside_a_container_spares_its_first_process(levels: Check) -> None:
    seen = levels("systemd_in_a_container")
    assert seen["codes"] == [-9, -9, None]
    assert (seen["container"]["oom_kill"], seen["container"]["oom_group_kill"]) == (3, 1)
    record = seen["report"].only()
    assert (record["container"], record["kills"], record["raw"]) == ("app", 1, 3)
    assert record["victims"] == seen["victims"]


def test_a_kill_in_a_cgroup_named_like_another_pods_is_the_tenants_own(levels: Check) -> None:
    seen = levels("names_that_a_tenant_makes")
    victims = {one["pod"]: one["victims"] for one in seen["report"].records()}
    (own, own_victim), (other, other_victim) = seen["own"], seen["other"]
    assert victims == {own: [own_victim], other: [other_victim]}
    for agent in BOTH:
        assert {one["cause"] for one in seen["report"].records(agent)} == {"ContainerLimit"}
