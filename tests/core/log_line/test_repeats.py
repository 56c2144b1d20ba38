"""A place of the code cannot flood the log."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.log_line.repeats import (
    MAX_PER_PERIOD,
    MAX_PLACES,
    PERIOD_SECONDS,
    RepeatLimit,
)


def test_the_last_line_of_a_minute_says_so_and_the_next_one_what_was_left_out() -> None:
    limit = RepeatLimit()
    flood = [limit.admit("here", 0.0) for _ in range(MAX_PER_PERIOD + 5)]
    assert [each.admitted for each in flood].count(True) == MAX_PER_PERIOD
    assert [number for number, each in enumerate(flood) if each.last] == [MAX_PER_PERIOD - 1]
    assert not limit.admit("here", PERIOD_SECONDS - 1).admitted
    after = limit.admit("here", PERIOD_SECONDS)
    assert (after.admitted, after.suppressed) == (True, 6)
    assert limit.admit("here", PERIOD_SECONDS).suppressed == 0


def test_a_flood_in_one_place_leaves_the_others_alone() -> None:
    limit = RepeatLimit()
    for _ in range(1000):
        limit.admit("here", 0.0)
    assert limit.admit("there", 0.0).admitted


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30)), max_size=400))
def test_every_line_is_written_or_counted(steps: list[tuple[str, float]]) -> None:
    limit, now, written, counted = RepeatLimit(), 0.0, 0, 0
    for place, pause in steps:
        now += pause
        found = limit.admit(place, now)
        written += found.admitted
        counted += found.suppressed
    now += PERIOD_SECONDS
    counted += sum(limit.admit(place, now).suppressed for place in "ab")
    assert written + counted == len(steps)


def test_the_places_that_are_remembered_are_bounded() -> None:
    limit = RepeatLimit()
    for place in range(3 * MAX_PLACES):
        assert limit.admit(place, 0.0).admitted
    assert len(limit._places) <= MAX_PLACES
