import pytest
from oomwarden.agent.runtime.settings import SettingsError, from_environment

NEEDED = {"NODE_NAME": "node-1", "POD_NAMESPACE": "oomwarden"}


def test_the_defaults_are_those_of_the_chart() -> None:
    settings = from_environment(NEEDED)
    assert (settings.namespaced_floor, settings.metrics_port) == (-500, 9808)
    assert settings.cgroup_writes is False
    assert (settings.report_seconds, settings.poll_seconds) == (10, 60)
    assert (settings.near_miss_budget, settings.leak_event_seconds) == (0, 0)


def test_cgroup_writes_can_be_enabled() -> None:
    assert from_environment(NEEDED | {"OOMWARDEN_CGROUP_WRITES": "true"}).cgroup_writes


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 0), ("6h", 21600), ("1h30m", 5400), ("90m5s", 5405), ("0s", 0)]
)
def test_the_time_of_a_leak_is_a_duration(text: str, seconds: int) -> None:
    within = {"OOMWARDEN_LEAK_EVENT_WITHIN": text}
    assert from_environment(NEEDED | within).leak_event_seconds == seconds


def test_the_floor_may_be_the_kubelets_value() -> None:
    floor = {"OOMWARDEN_NAMESPACED_FLOOR": "kubelet"}
    assert from_environment(NEEDED | floor).namespaced_floor is None


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("OOMWARDEN_NAMESPACED_FLOOR", "-1000", "-997 to 1000"),
        ("OOMWARDEN_METRICS_PORT", "http", "1 to 65535"),
        ("OOMWARDEN_REPORT_SECONDS", "0", "1 to 300"),
        ("OOMWARDEN_LOOK_SECONDS", "4", "5 to 600"),
        ("OOMWARDEN_CGROUP_WRITES", "yes", "true or false"),
        ("OOMWARDEN_LOG_LEVEL", "loud", "DEBUG, INFO, WARNING, ERROR"),
        ("OOMWARDEN_LOG_FORMAT", "logfmt", "json or text"),
        ("OOMWARDEN_NEAR_MISS_BUDGET", "-1", "0 to 2147483647"),
        ("OOMWARDEN_LEAK_EVENT_WITHIN", "soon", "a duration such as 1h30m"),
        ("OOMWARDEN_LEAK_EVENT_WITHIN", "30m6h", "a duration such as 1h30m"),
        ("OOMWARDEN_LEAK_EVENT_WITHIN", "-1h", "a duration such as 1h30m"),
        ("NODE_NAME", "", "not set"),
    ],
)
def test_a_bad_variable_is_named_with_its_allowed_values(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(SettingsError, match=f"{name}.*{allowed}"):
        from_environment(NEEDED | {name: value})
