"""The number of writes is bounded, whatever changes and whatever the API server answers."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.fleet.write_pace import (
    INTERVAL_SECONDS,
    MAX_FAILING,
    MAX_PAUSE_SECONDS,
    MIN_PAUSE_SECONDS,
    WritePace,
)
from oomwarden.core.policy.policy import PolicyKey

KEYS = [PolicyKey("OOMPolicy", "shop", name) for name in "abcdef"]


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0, 2)), max_size=50))
def test_a_policy_is_due_an_interval_after_its_last_write(
    events: list[tuple[PolicyKey, float]],
) -> None:
    pace, now, written = WritePace(), 100.0, dict[PolicyKey, float]()
    for key, passed in events:
        now += passed
        wait = pace.seconds_until_due(key, now)
        assert wait == max(written.get(key, 0) + INTERVAL_SECONDS - now, 0)
        if not wait:
            pace.record_write(key, now)
            written[key] = now
    assert len(pace._written) <= len(KEYS)


def test_policies_that_were_written_long_ago_take_no_memory() -> None:
    pace = WritePace()
    for number in range(1000):
        pace.record_write(KEYS[0]._replace(name=str(number)), number)
    assert len(pace._written) <= INTERVAL_SECONDS + 1


def test_failures_of_one_policy_delay_no_other() -> None:
    pace = WritePace()
    assert [pace.record_failure(KEYS[0], 0) for _ in range(9)] == [0] * 9


def test_an_api_server_that_refuses_for_an_hour_gets_few_requests() -> None:
    pace, now, tries = WritePace(), 0.0, 0
    while now < 3600:
        now += pace.record_failure(KEYS[tries % len(KEYS)], 0)
        tries += 1
    assert tries <= MAX_FAILING * (3600 / MAX_PAUSE_SECONDS + 4)


def test_a_pause_is_as_long_as_the_api_server_asks_for_and_ends_with_a_success() -> None:
    pace = WritePace()
    assert pace.record_failure(KEYS[0], 30) == 30
    assert pace.record_failure(KEYS[0], 86_400) == MAX_PAUSE_SECONDS
    pace.record_write(KEYS[0], 0)
    waits = [pace.record_failure(key, 0) for key in KEYS[:MAX_FAILING]]
    assert waits == [0] * (MAX_FAILING - 1) + [MIN_PAUSE_SECONDS]
