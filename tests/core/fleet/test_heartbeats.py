"""An agent reports if its heartbeat changes, whatever its node's clock shows."""

from datetime import UTC, datetime

import pytest
from oomwarden.core.fleet.heartbeats import Heartbeats, is_silent

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


class Watch:
    """Heartbeats of a watch to which the API server responds every minute."""

    def __init__(self) -> None:
        self.now, self.heartbeats = 0.0, Heartbeats()
        self.heartbeats.hear(self.now)

    def minutes(self, count: float) -> None:
        for _ in range(int(count)):
            self.now += 60
            self.heartbeats.hear(self.now)

    def record(self, heartbeat: str, age: float | None = None) -> None:
        self.heartbeats.record("a", heartbeat, self.now, age)

    def is_silent(self) -> bool:
        return self.heartbeats.silent(self.now) == {"a"}


def test_a_node_is_silent_once_its_heartbeat_has_not_changed_for_eleven_minutes() -> None:
    watch = Watch()
    watch.record("1970-01-01T00:00:00Z")
    watch.minutes(11)
    assert not watch.is_silent()
    watch.minutes(1)
    assert watch.is_silent()
    watch.record("1970-01-01T00:05:00Z")
    assert not watch.is_silent()


def test_an_event_with_the_same_heartbeat_is_no_sign_of_life() -> None:
    watch = Watch()
    for _ in range(12):
        watch.record("t")
        watch.minutes(1)
    assert watch.is_silent()


def test_a_list_shows_the_age_by_the_api_servers_clock() -> None:
    watch = Watch()
    watch.record("t", 700)
    assert watch.is_silent()
    watch.record("t", 600)
    assert not watch.is_silent()
    watch.record("t", -5)
    assert not watch.is_silent()
    watch.minutes(12)
    assert watch.is_silent()


def test_an_operator_that_hears_nothing_calls_no_node_silent() -> None:
    watch = Watch()
    watch.record("t")
    watch.now += 3600  # an outage of the API server
    assert not watch.is_silent()
    watch.heartbeats.hear(watch.now)
    assert not watch.is_silent(), "its new heartbeat may be the next event"
    watch.minutes(11)
    assert watch.is_silent()


def test_a_node_without_a_heartbeat_is_silent_and_one_that_is_gone_is_not() -> None:
    watch = Watch()
    watch.record("")
    assert watch.is_silent()
    watch.heartbeats.forget("a")
    assert not watch.is_silent()
    assert len(watch.heartbeats) == 0


@pytest.mark.parametrize(
    ("heartbeat", "silent"),
    [
        ("2026-11-23T11:49:01Z", False),
        ("2026-11-23T11:48:59Z", True),
        ("2026-11-23T11:49:01", False),
        ("9999-12-31T23:59:59-14:00", False),
        ("0001-01-01T00:00:00+14:00", True),
        ("", True),
        ("\x00 yesterday", True),
    ],
)
def test_a_heartbeat_by_the_same_clock_is_old_after_eleven_minutes(
    heartbeat: str, *, silent: bool
) -> None:
    assert is_silent(heartbeat, NOW) is silent
