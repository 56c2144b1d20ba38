import pytest
from oomwarden.core.reporting.node_conditions import (
    NodeFindings,
    counts_local_events_only,
    kernel_remedy,
    node_conditions,
)

NOW = "2026-01-01T00:00:00Z"


def by_type(found: NodeFindings) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.message) for c in node_conditions(found, NOW)}


def test_a_healthy_agent_has_only_true_conditions_without_messages() -> None:
    assert set(by_type(NodeFindings()).values()) == {("True", "")}


def test_without_cgroup_v2_the_agent_is_not_ready_and_has_a_remedy() -> None:
    reported = by_type(NodeFindings(cgroup_v2="boot with cgroup v2"))
    assert reported["Ready"] == reported["CgroupV2"] == ("False", "boot with cgroup v2")
    assert reported["Store"][0] == "True"


def test_a_missing_capability_is_named_and_the_agent_stays_ready() -> None:
    reported = by_type(NodeFindings(capabilities=("SYSLOG",)))
    assert reported["Ready"][0] == "True"
    assert reported["Capabilities"][0] == "False"
    assert "SYSLOG" in reported["Capabilities"][1]


def test_fields_of_a_newer_crd_are_named() -> None:
    status, message = by_type(NodeFindings(unknown_fields=("soon",)))["PoliciesUnderstood"]
    assert status == "False"
    assert "spec.soon" in message


def test_only_some_of_very_many_fields_of_a_newer_crd_are_named() -> None:
    fields = tuple(f"rules[{number}].memory.soon" for number in range(64 * 500))
    _, message = by_type(NodeFindings(unknown_fields=fields))["PoliciesUnderstood"]
    assert "spec.rules[0].memory.soon" in message
    assert "and others" in message
    assert len(message) < 32768, "the API server takes no more"


def test_a_mount_that_hides_kills_from_parent_cgroups_is_reported_with_the_remedy() -> None:
    reported = by_type(NodeFindings(local_events=True))
    assert reported["Ready"] == reported["CgroupV2"]
    assert reported["Ready"][0] == "False"
    assert "memory_localevents" in reported["Ready"][1]
    assert "remount" in reported["Ready"][1]


@pytest.mark.parametrize(
    ("mounts", "local"),
    [
        (b"cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate,memory_localevents 0 0\n", True),
        (b"cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate,memory_recursiveprot 0 0\n", False),
        (b"tmpfs /memory_localevents tmpfs rw,memory_localevents 0 0\n", False),
        (b"", False),
        (b"cgroup2\n\n", False),
    ],
)
def test_the_mounts_show_whether_counters_have_local_events_only(
    mounts: bytes, *, local: bool
) -> None:
    assert counts_local_events_only(mounts) is local


def test_containers_elsewhere_are_reported_and_an_agent_that_sees_none_is_not_ready() -> None:
    reported = by_type(NodeFindings(layout="they run elsewhere"))
    assert (reported["Layout"], reported["Ready"][0]) == (("False", "they run elsewhere"), "True")
    reported = by_type(NodeFindings(layout="they run elsewhere", sees_nothing=True))
    assert reported["Ready"] == ("False", "they run elsewhere")


def test_missing_watches_and_unopened_cgroups_are_reported_and_the_agent_stays_ready() -> None:
    reported = by_type(NodeFindings(watches="raise it", unopened="raise that"))
    assert (reported["Inotify"], reported["CgroupsReadable"]) == (
        ("False", "raise it"),
        ("False", "raise that"),
    )
    assert reported["Ready"][0] == "True"


def test_cgroup_writes_are_off_by_choice_and_the_chart_value_is_named() -> None:
    status, message = by_type(NodeFindings(cgroup_writes=False, cgroups_read_only=True))[
        "CgroupWrites"
    ]
    assert status == "False"
    assert "agent.cgroupWrites=true" in message
    reported = node_conditions(NodeFindings(cgroup_writes=False), NOW)
    (reason,) = (each.reason for each in reported if each.type == "CgroupWrites")
    assert reason == "Off"
    assert by_type(NodeFindings(cgroup_writes=False))["Ready"][0] == "True"


def test_group_kills_left_by_disabled_writes_are_reported_with_the_remedy() -> None:
    reported = node_conditions(NodeFindings(cgroup_writes=False, groups_left=3), NOW)
    (found,) = (each for each in reported if each.type == "CgroupWrites")
    assert (found.status, found.reason) == ("False", "LeftChanged")
    assert "3 containers" in found.message
    assert "agent.cgroupWrites=true" in found.message


def test_cgroup_writes_that_are_enabled_but_impossible_are_reported() -> None:
    status, message = by_type(NodeFindings(cgroups_read_only=True))["CgroupWrites"]
    assert status == "False"
    assert "read-only" in message


@pytest.mark.parametrize(
    ("release", "fine"),
    [("6.1.0-28-amd64", True), ("5.10", True), ("5.9.16+", False), ("4.19.0", False), ("?", True)],
)
def test_a_kernel_that_is_too_old_is_named(release: str, *, fine: bool) -> None:
    reported = by_type(NodeFindings(kernel=kernel_remedy(release)))["Kernel"]
    assert reported[0] == str(fine)
    assert fine or "5.10" in reported[1]


def test_the_reason_distinguishes_why_kernel_log_and_store_are_false() -> None:
    found = NodeFindings(kernel_log="...", kernel_log_reason="NotPermitted", store="...")
    reasons = {each.type: each.reason for each in node_conditions(found, NOW)}
    assert (reasons["KernelLog"], reasons["Store"]) == ("NotPermitted", "StartedAnew")
    full = node_conditions(NodeFindings(store="...", store_full=True), NOW)
    assert [each.reason for each in full if each.type == "Store"] == ["DiskFull"]
    in_memory = node_conditions(NodeFindings(store="...", store_in_memory=True), NOW)
    assert [each.reason for each in in_memory if each.type == "Store"] == ["InMemory"]
