from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.budget import NODE_BURST, Bucket, Budget

NOW = 1_800_000_000.0


def admitted(times: list[float]) -> list[float]:
    """Give those of these moments at which a record went."""
    budget, went = Budget(), []
    for now in times:
        if budget.due(now) <= now:
            budget = budget.spend(now)
            went.append(now)
    return went


def test_five_records_go_at_once_then_one_after_60_s_and_each_doubles_the_wait() -> None:
    went = admitted([NOW + second for second in range(3000)])
    assert went[:5] == [NOW, NOW + 1, NOW + 2, NOW + 3, NOW + 4]
    waits = [later - earlier for earlier, later in pairwise(went[4:])]
    assert waits == [60, 120, 240, 480, 600, 600, 600]


def test_what_waits_knows_until_when() -> None:
    budget = Budget()
    for _ in range(6):
        budget = budget.spend(NOW)
    assert budget.due(NOW + 1) == NOW + 120


def test_after_twenty_quiet_minutes_it_begins_anew() -> None:
    budget = Budget(0, 600.0, NOW)
    assert budget.due(NOW + 599) == NOW + 600
    assert budget.spend(NOW + 1199) == Budget(0, 600.0, NOW + 1199)
    assert budget.spend(NOW + 1200).free == 4


def test_kills_that_come_slower_than_the_longest_wait_are_never_held() -> None:
    times = [NOW + 601 * turn for turn in range(40)]
    assert admitted(times) == times


def test_a_clock_that_was_set_back_holds_nothing_for_long() -> None:
    budget = Budget(0, 600.0, NOW)
    yesterday = NOW - 86_400
    assert budget.due(yesterday) == yesterday
    assert budget.spend(yesterday).due(yesterday + 1) == yesterday + 600


@given(st.lists(st.floats(0, 300), max_size=200))
def test_no_hour_has_more_than_five_free_records_and_one_for_each_wait(gaps: list[float]) -> None:
    times, now = [], NOW
    for gap in gaps:
        now += gap
        times.append(now)
    went = admitted(times)
    for start in went:
        assert sum(start <= at < start + 600 for at in went) <= 5 + 4


def test_a_node_tells_three_hundred_at_once_then_five_a_second() -> None:
    bucket, went = Bucket(), []
    for step in range(4000):
        now = NOW + step / 1000
        if bucket.due(now) <= now:
            bucket = bucket.spend(now)
            went.append(now)
    assert NODE_BURST <= sum(at < NOW + 0.301 for at in went) <= NODE_BURST + 2
    assert 4 <= sum(NOW + 2 <= at < NOW + 3 for at in went) <= 6


def test_an_empty_bucket_knows_when_it_has_a_token() -> None:
    bucket = Bucket(0.5, NOW)
    assert bucket.due(NOW) == NOW + 0.1
    assert bucket.due(NOW + 0.2) == NOW + 0.2


def test_a_clock_that_was_set_back_takes_no_tokens_away() -> None:
    assert Bucket(10, NOW).at(NOW - 1000) == Bucket(10, NOW - 1000)
