from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.quota.budget import Bucket, Budget, Rate, node_rates
from oomwarden.core.quota.budget_terms import USUAL, NodeTerms, Terms, node_terms, terms
from oomwarden.core.quota.pressure import CALM, NO_OPERATOR, Pressure, PressureLevel

NOW = 1_800_000_000.0


def admitted(times: list[float]) -> list[float]:
    """Return those of these times at which a record was written."""
    budget, written = Budget(), []
    for now in times:
        if budget.due(now) <= now:
            budget = budget.spend(now)
            written.append(now)
    return written


def test_five_records_are_immediate_then_one_after_60_s_and_each_doubles_the_wait() -> None:
    written = admitted([NOW + second for second in range(3000)])
    assert written[:5] == [NOW, NOW + 1, NOW + 2, NOW + 3, NOW + 4]
    waits = [later - earlier for earlier, later in pairwise(written[4:])]
    assert waits == [60, 120, 240, 480, 600, 600, 600]


def test_a_waiting_record_has_a_due_time() -> None:
    budget = Budget()
    for _ in range(6):
        budget = budget.spend(NOW)
    assert budget.due(NOW + 1) == NOW + 120


def test_the_budget_is_reset_after_twritteny_minutes_without_a_kill() -> None:
    budget = Budget(0, 600.0, NOW)
    assert budget.due(NOW + 599) == NOW + 600
    assert budget.spend(NOW + 1199) == Budget(0, 600.0, NOW + 1199)
    assert budget.spend(NOW + 1200).free == 4


def test_kills_less_frequent_than_the_longest_wait_never_wait() -> None:
    times = [NOW + 601 * turn for turn in range(40)]
    assert admitted(times) == times


def test_a_clock_that_was_set_back_delays_no_record_for_long() -> None:
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
    written = admitted(times)
    for start in written:
        assert sum(start <= at < start + 600 for at in written) <= 5 + 4


def test_a_node_writes_twritteny_repeats_immediately_then_one_a_minute() -> None:
    _, rate = node_rates(CALM)
    bucket, written = Bucket(), []
    for now in (NOW + second for second in range(3600)):
        if bucket.due(now, rate) <= now:
            bucket = bucket.spend(now, rate)
            written.append(now - NOW)
    assert written[:20] == list(range(20))
    assert written[20:23] == [60, 120, 180]


def test_an_empty_bucket_knows_when_it_has_a_token() -> None:
    bucket, rate = Bucket(0.5, NOW), Rate(300, 360)
    assert bucket.due(NOW, rate) == NOW + 5
    assert bucket.due(NOW + 10, rate) == NOW + 10


def test_a_clock_that_was_set_back_removes_no_tokens() -> None:
    assert Bucket(10, NOW).at(NOW - 1000, Rate(300, 60)) == Bucket(10, NOW - 1000)


HARD = terms(Pressure(namespaces={"shop": PressureLevel.FULL}), "shop")


def test_with_harder_terms_one_record_is_immediate_and_the_next_follows_after_hours() -> None:
    budget = Budget().spend(NOW, HARD)
    assert budget.due(NOW + 1, HARD) == NOW + 6 * 3600
    assert budget.due(NOW + 1) == NOW + 600  # once the pressure is gone


def test_records_written_before_count_with_harder_terms() -> None:
    assert Budget().spend(NOW).free_left(HARD) == 0


def test_the_budget_is_not_reset_while_a_record_waits() -> None:
    budget = Budget(0, 600.0, NOW)
    late = NOW + 10 * 3600
    assert budget.at(late) == Budget()
    assert budget.spend(late, USUAL, since=NOW + 5) == Budget(0, 600.0, late)


def test_a_full_namespace_does_not_affect_others() -> None:
    pressure = Pressure(namespaces={"shop": PressureLevel.FULL})
    assert terms(pressure, "bank") == USUAL
    assert node_terms(pressure) == node_terms(CALM) == NodeTerms()


def test_without_an_operator_five_are_still_immediate_and_the_fleet_writes_few_more() -> None:
    alone = terms(NO_OPERATOR, "shop")
    assert alone.free == USUAL.free
    node = node_terms(NO_OPERATOR)
    assert (node.firsts + node.repeats) * NO_OPERATOR.nodes <= 2000
    assert node.burst * NO_OPERATOR.nodes <= 10_000


def test_each_node_of_a_large_fleet_writes_fewer_repeats() -> None:
    assert node_terms(Pressure(nodes=500)) == NodeTerms()
    assert node_terms(Pressure(nodes=2000)) == NodeTerms(firsts=100, repeats=15, burst=5)


PRESSURES = st.builds(
    Pressure,
    st.sampled_from(PressureLevel),
    st.dictionaries(st.sampled_from(["shop", "bank"]), st.sampled_from(PressureLevel)),
    st.sampled_from(PressureLevel),
    st.integers(1, 100_000),
    has_operator=st.booleans(),
)


@given(PRESSURES)
def test_whatever_is_published_no_terms_are_better_than_the_usual_ones(pressure: Pressure) -> None:
    agreed = terms(pressure, "shop")
    assert agreed.free <= USUAL.free
    assert agreed.first_wait >= USUAL.first_wait
    assert agreed.last_wait >= USUAL.last_wait
    node, best = node_terms(pressure), NodeTerms()
    assert 0 < node.firsts <= best.firsts
    assert 0 < node.repeats <= best.repeats
    assert 1 <= node.burst <= best.burst


AGREED = st.sampled_from([USUAL, HARD, terms(NO_OPERATOR, "shop")])


@given(st.lists(st.tuples(st.floats(0, 4000), AGREED), max_size=200))
def test_no_container_has_more_records_than_with_the_usual_terms(
    steps: list[tuple[float, Terms]],
) -> None:
    budget, now, written = Budget(), NOW, list[float]()
    for gap, agreed in steps:
        now += gap
        if budget.due(now, agreed) <= now:
            budget = budget.spend(now, agreed)
            written.append(now)
    for start in written:
        assert sum(start <= at < start + 600 for at in written) <= 5 + 4


@given(st.lists(st.tuples(st.floats(0, 600), st.floats(0.1, 360)), max_size=100))
def test_a_bucket_never_admits_more_than_its_burst_and_its_rate(
    steps: list[tuple[float, float]],
) -> None:
    """Between two records it gains tokens at the rate of the later one."""
    bucket, now, written, burst = Bucket(), NOW, 0, 20
    best = max((hourly for _, hourly in steps), default=0) / 3600
    for gap, hourly in steps:
        now, rate = now + gap, Rate(burst, hourly)
        for _ in range(50):
            if bucket.due(now, rate) <= now:
                bucket = bucket.spend(now, rate)
                written += 1
    assert written <= burst + sum(gap for gap, _ in steps) * best + 1
