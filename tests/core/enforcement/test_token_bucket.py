"""How fast policies may affect running processes."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.enforcement.token_bucket import TokenBucket


def test_after_a_rest_a_full_burst_is_available() -> None:
    pace = TokenBucket(120, 60.0)
    assert pace.available(0.0) == 120
    spent = pace.spend(120, 0.0)
    assert spent.available(0.0) == 0
    assert spent.seconds_until_next(0.0) == 0.5
    assert spent.available(30.0) == 60


def test_overspent_tokens_must_be_waited_for() -> None:
    spent = TokenBucket(10, 1.0).spend(25, 0.0)
    assert spent.available(1.0) == 0
    assert spent.seconds_until_next(0.0) == 1.6
    assert spent.available(1.7) == 2


def test_without_a_limit_nothing_waits() -> None:
    pace = TokenBucket(0, 1.0).spend(10_000, 0.0)
    assert (pace.available(0.0), pace.seconds_until_next(0.0)) == (None, 0.0)


@given(
    most=st.integers(1, 50),
    wishes=st.lists(st.tuples(st.floats(0, 5), st.integers(0, 30)), max_size=40),
)
def test_no_more_are_spent_than_a_burst_and_what_was_gained(
    most: int, wishes: list[tuple[float, int]]
) -> None:
    pace, now, gone = TokenBucket(most, 1.0), 0.0, 0
    for gap, wanted in wishes:
        now += gap
        room = pace.available(now) or 0
        taken = min(room, wanted)
        pace, gone = pace.spend(taken, now), gone + taken
    assert gone <= most + now * most + 1


def test_a_clock_that_was_set_back_gains_nothing() -> None:
    spent = TokenBucket(10, 1.0).spend(10, 100.0)
    assert spent.available(50.0) == 0
