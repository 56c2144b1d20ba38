"""How fast policies may reach what runs."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.enforcement.token_bucket import TokenBucket


def test_after_a_rest_as_many_may_go_at_once_as_in_the_whole_time() -> None:
    pace = TokenBucket(120, 60.0)
    assert pace.room(0.0) == 120
    spent = pace.spend(120, 0.0)
    assert spent.room(0.0) == 0
    assert spent.wait(0.0) == 0.5
    assert spent.room(30.0) == 60


def test_what_was_taken_too_much_is_waited_for() -> None:
    spent = TokenBucket(10, 1.0).spend(25, 0.0)
    assert spent.room(1.0) == 0
    assert spent.wait(0.0) == 1.6
    assert spent.room(1.7) == 2


def test_without_a_cap_nothing_waits() -> None:
    pace = TokenBucket(0, 1.0).spend(10_000, 0.0)
    assert (pace.room(0.0), pace.wait(0.0)) == (None, 0.0)


@given(
    most=st.integers(1, 50),
    wishes=st.lists(st.tuples(st.floats(0, 5), st.integers(0, 30)), max_size=40),
)
def test_no_more_go_than_a_burst_and_what_the_time_has_given(
    most: int, wishes: list[tuple[float, int]]
) -> None:
    pace, now, gone = TokenBucket(most, 1.0), 0.0, 0
    for gap, wanted in wishes:
        now += gap
        room = pace.room(now) or 0
        taken = min(room, wanted)
        pace, gone = pace.spend(taken, now), gone + taken
    assert gone <= most + now * most + 1


def test_a_clock_that_was_set_back_gains_nothing() -> None:
    spent = TokenBucket(10, 1.0).spend(10, 100.0)
    assert spent.room(50.0) == 0
