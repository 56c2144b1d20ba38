"""A day of usage in few readings."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.incidents.memory_history import MemoryTimeline, UsageSample
from oomwarden.core.incidents.usage_trend import (
    KEEP_FINE,
    KEEP_SECONDS,
    MAX_READINGS,
    PHASES,
    TREND_SECONDS,
    UsageTrend,
    judge_timeline,
    thin,
    turn_of,
)
from oomwarden.core.usage_pattern.verdict import Pattern

START = 1_800_000_000.0
MIB = 1 << 20
HOUR = 3600


def filled(hours: float, start: float = START, inode: int = 1, gap: float = 10.0) -> UsageTrend:
    """A trend of a container that grows by 1 MiB in ten seconds."""
    trend = UsageTrend(inode)
    for number in range(int(hours * HOUR / gap)):
        trend.add(UsageSample(start + number * gap, number * MIB))
    return trend


def test_a_trend_has_a_reading_every_five_minutes() -> None:
    readings = filled(2).readings_until(START + 2 * HOUR)
    assert len(readings) in {24, 25}
    gaps = {later.at - earlier.at for earlier, later in pairwise(readings[1:])}
    assert gaps == {TREND_SECONDS}
    assert all(each.usage == (each.at - START) / 10 * MIB for each in readings)


def test_older_readings_are_thinned_out_and_those_of_yesterday_dropped() -> None:
    trend = filled(40)
    readings = trend.readings_until(START + 40 * HOUR)
    gaps = [later.at - earlier.at for earlier, later in pairwise(readings)]
    assert set(gaps[-KEEP_FINE + 1 :]) == {300}
    assert set(gaps[: -KEEP_FINE - 1]) == {900}
    assert 20 * HOUR < readings[-1].at - readings[0].at <= KEEP_SECONDS
    assert len(trend) <= MAX_READINGS


def test_readings_after_the_kill_are_left_out() -> None:
    end = START + 1800
    assert max(each.at for each in filled(2).readings_until(end)) <= end


def test_a_trend_begins_again_when_the_clock_was_set_back() -> None:
    trend = filled(2)
    assert trend.add(UsageSample(START - HOUR, MIB))
    assert trend.readings_until(START + HOUR) == [UsageSample(START - HOUR, MIB)]


def test_containers_take_their_readings_in_turn() -> None:
    step = 61  # inodes of cgroups are at about equal distances
    turns = [turn_of(inode, PHASES) for inode in range(1000, 1000 + 300 * step, step)]
    assert max(map(turns.count, set(turns))) <= 20
    assert len(set(turns)) == PHASES


def test_growth_is_that_of_the_newest_third_over_the_oldest() -> None:
    assert filled(3).has_grown(0.05)
    assert not filled(0.01).has_grown(0.05)  # one reading
    flat = UsageTrend()
    for number in range(30):
        flat.add(UsageSample(START + number * TREND_SECONDS, 100 * MIB))
    assert not flat.has_grown(0.05)


@given(
    st.lists(st.tuples(st.floats(-50_000, 50_000), st.integers(0, 1 << 63)), max_size=400),
    st.integers(0, 1 << 63),
)
def test_a_trend_is_bounded_and_in_order_whatever_clock_and_usage_do(
    steps: list[tuple[float, int]], inode: int
) -> None:
    trend, at = UsageTrend(inode), START
    for gap, usage in steps:
        at += gap
        trend.add(UsageSample(at, usage))
        readings = trend.readings_until(float("inf"))
        assert len(readings) == len(trend) <= MAX_READINGS
        assert all(a.at <= b.at for a, b in pairwise(readings))
        assert not readings or readings[-1].at - readings[0].at <= KEEP_SECONDS


@given(st.integers(0, 300), st.integers(2, 60))
def test_thinning_keeps_first_and_last_and_no_more_than_asked(count: int, most: int) -> None:
    samples = [UsageSample(float(n), n) for n in range(count)]
    kept = thin(samples, most)
    assert len(kept) == min(count, most)
    assert len(set(kept)) == len(kept)
    assert kept[:1] == tuple(samples[:1])
    assert kept[-1:] == tuple(samples[-1:])


def test_hours_of_growth_before_a_kill_are_a_leak() -> None:
    end = START + 8 * HOUR
    history = tuple(UsageSample(START + n * 300, (100 + 4 * n) * MIB) for n in range(94))
    samples = tuple(UsageSample(end - 290 + n * 10, 480 * MIB + n * 131072) for n in range(30))
    timeline = MemoryTimeline(samples[-1], samples, history=history)
    assert judge_timeline(timeline, 512 * MIB).pattern is Pattern.LEAK


def test_minutes_of_growth_before_a_kill_are_not_a_leak() -> None:
    samples = tuple(UsageSample(START + n * 10, (100 + 10 * n) * MIB) for n in range(30))
    found = judge_timeline(MemoryTimeline(samples[-1], samples), 512 * MIB)
    assert found.pattern is not Pattern.LEAK
    assert found.evidence
