from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.metrics.counter_series import ZERO_SECONDS, CounterSeries
from oomwarden.core.metrics.exposition import Sample

API, DB = ("shop", "api"), ("shop", "db")


def test_a_new_series_shows_0_first_so_that_its_first_event_is_an_increase() -> None:
    kills = CounterSeries(10)
    kills.add(API, 100.0)
    assert kills.samples(100.0) == kills.samples(99.0 + ZERO_SECONDS) == [Sample(API, 0)]
    assert kills.samples(100.0 + ZERO_SECONDS) == [Sample(API, 1)]


def test_an_event_of_an_old_series_shows_immediately() -> None:
    kills = CounterSeries(10)
    kills.begin(API, 0.0)
    kills.add(API, 1000.0, by=3)
    assert kills.samples(1000.0) == [Sample(API, 3)]


def test_a_series_goes_on_where_an_earlier_process_has_left_it() -> None:
    kills = CounterSeries(10)
    kills.restore({API: 7})
    kills.add(API, 1.0)
    assert kills.samples(1.0) == [Sample(API, 8)]


def test_an_ended_series_is_gone_and_begins_at_0_if_it_comes_back() -> None:
    kills = CounterSeries(10)
    kills.restore({API: 7, DB: 2})
    kills.forget(lambda labels: labels == API)
    kills.add(API, 500.0)
    assert kills.samples(500.0) == [Sample(DB, 2), Sample(API, 0)]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 5)), max_size=40))
def test_no_more_series_than_the_bound_are_kept_and_no_event_is_lost_unnoticed(
    events: list[tuple[str, int]],
) -> None:
    kills = CounterSeries(3)
    for name, by in events:
        kills.add((name,), 0.0, by)
    shown = kills.samples(ZERO_SECONDS)
    assert len(shown) <= 3
    assert sum(each.value for each in shown) + kills.left_out == sum(by for _, by in events)
