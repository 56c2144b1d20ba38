from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint, Verdict

from bench.patterns import HARD, KINDS, generated

MIB = 1 << 20
HOUR = 3600


def series(usage: Callable[[int], float], minutes: int, step: int = 60) -> list[UsagePoint]:
    """Read a usage inMi, given by the number of the reading."""
    return [UsagePoint(number * step, int(usage(number) * MIB)) for number in range(minutes)]


def leaking(minutes: int = 360, begin: float = 210) -> list[UsagePoint]:
    return series(lambda minute: begin + minute / 5, minutes)


def test_a_leak_has_a_rate_its_evidence_and_the_time_to_the_limit() -> None:
    verdict = classify(leaking(), 332 * MIB)
    assert verdict.pattern == Pattern.LEAK
    assert verdict.growth == pytest.approx(12 * MIB / HOUR, rel=0.01)
    assert verdict.seconds_to_limit == pytest.approx(4.2 * HOUR, rel=0.1)
    assert verdict.evidence == (
        "grew 12Mi an hour for 6 h, from 213Mi to 278Mi, in 100 % of the steps; 4.5 h to the "
        "limit of 332Mi at this rate"
    )


def test_a_leak_without_a_limit_has_no_forecast() -> None:
    verdict = classify(leaking())
    assert verdict.growth
    assert verdict.seconds_to_limit is None


def test_a_limit_that_is_days_away_is_not_forecast() -> None:
    verdict = classify(leaking(), 2000 * MIB)
    assert verdict.seconds_to_limit is None
    assert "more than 2.5 d to the limit" in verdict.evidence


def test_a_rate_that_varies_widens_the_forecast_or_forbids_it() -> None:
    faster = series(lambda minute: 100 + (minute / 30) ** 1.6, 360)
    verdict = classify(faster, 170 * MIB)
    assert verdict.seconds_to_limit
    assert "as the rate varies)" in verdict.evidence
    much_faster = series(lambda minute: 100 + (minute / 60) ** 4 / 10, 360)
    verdict = classify(much_faster, 270 * MIB)
    assert verdict.pattern == Pattern.LEAK
    assert verdict.seconds_to_limit is None


def test_a_leak_below_the_limit_already_reached_has_no_forecast() -> None:
    verdict = classify(leaking(), 100 * MIB)
    assert verdict.seconds_to_limit is None
    assert "at the limit of 100Mi already" in verdict.evidence


def test_the_rising_floor_of_a_sawtooth_is_a_leak() -> None:
    verdict = classify(series(lambda minute: 100 + minute / 10 + minute % 30 * 3, 360), 332 * MIB)
    assert verdict.pattern == Pattern.LEAK
    assert verdict.evidence.startswith("the lowest level between peaks grew 6Mi an hour")
    # The peaks reach the limit first: (332 - 219) / 6 per hour.
    assert verdict.seconds_to_limit == pytest.approx(19 * HOUR, rel=0.1)


def test_a_flat_floor_is_a_sawtooth() -> None:
    verdict = classify(series(lambda minute: 100 + minute % 30 * 3, 360))
    assert verdict.pattern == Pattern.SAWTOOTH
    assert "its floor does not rise" in verdict.evidence


def test_a_start_says_how_long_it_took_and_since_when_it_is_level() -> None:
    verdict = classify(series(lambda minute: min(100 + minute * 3, 300), 360))
    assert verdict.pattern == Pattern.STARTUP
    assert verdict.evidence.startswith("rose from 103Mi to 300Mi in 58 min, and")
    assert verdict.growth is None


def test_usage_that_fills_up_to_the_limit_and_stays_there_is_normal() -> None:
    verdict = classify(series(lambda minute: min(100 + minute * 3, 299), 360), 300 * MIB)
    assert verdict.pattern == Pattern.STARTUP
    assert "page cache" in verdict.evidence


def test_a_burst_needs_minutes_only() -> None:
    quiet = series(lambda _: 200, 24, step=10)
    burst = [UsagePoint(240 + each * 10, (260 + each * 70) * MIB) for each in range(4)]
    verdict = classify(quiet + burst, 512 * MIB)
    assert verdict.pattern == Pattern.SPIKE
    assert "from 200Mi to 470Mi" in verdict.evidence


def test_a_burst_that_is_over_is_no_spike() -> None:
    verdict = classify(series(lambda minute: 500 if 50 <= minute < 53 else 200, 60))
    assert verdict.pattern != Pattern.SPIKE


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_few_readings_have_no_pattern(count: int) -> None:
    verdict = classify(leaking()[:count])
    assert verdict.pattern == Pattern.UNKNOWN
    assert "too few" in verdict.evidence


@pytest.mark.parametrize("usage", [0, 1, 200 * MIB])
def test_a_constant_series_is_steady(usage: int) -> None:
    verdict = classify([UsagePoint(each * 10, usage) for each in range(30)])
    assert verdict.pattern == Pattern.STEADY


def test_the_last_life_decides_and_the_restart_is_mentioned() -> None:
    second = series(lambda minute: 300 + minute / 100, 200)
    moved = [UsagePoint(each.at + 20000, each.usage) for each in second]
    verdict = classify([*leaking(300, 900), UsagePoint(19990, 20 * MIB), *moved])
    assert verdict.pattern in {Pattern.STEADY, Pattern.STARTUP}
    assert "restarted once, the last time 3.3 h ago" in verdict.evidence


def test_a_leak_before_a_recent_restart_is_mentioned() -> None:
    verdict = classify(series(lambda minute: 20 + minute % 420, 860))
    assert verdict.pattern == Pattern.UNKNOWN
    assert "before a restart it grew 60Mi an hour" in verdict.evidence


def test_a_program_that_is_killed_at_the_limit_again_and_again_is_not_called_normal() -> None:
    verdict = classify(series(lambda minute: 20 + minute % 20 * 20, 860), 400 * MIB)
    assert verdict.pattern == Pattern.UNKNOWN
    assert "reached the limit and restarted 42 times" in verdict.evidence


def test_jobs_that_leave_nothing_behind_are_a_sawtooth() -> None:
    verdict = classify(series(lambda minute: 5 + 400 * (minute % 20 > 8), 860))
    assert verdict.pattern == Pattern.SAWTOOTH
    assert "fell to near zero 42 times" in verdict.evidence


def test_a_leak_with_half_of_the_time_missing_is_unknown() -> None:
    holed = [each for each in leaking() if not 3000 < each.at < 16000]
    verdict = classify(holed)
    assert verdict.pattern == Pattern.UNKNOWN
    assert "most of the time has no readings" in verdict.evidence


kinds = st.sampled_from(sorted(KINDS | HARD))
ANY = st.tuples(kinds, st.sampled_from([1, 2, 6]), st.integers(0, 99))


def same(one: Verdict, other: Verdict) -> bool:
    return (one.pattern, one.seconds_to_limit) == (other.pattern, other.seconds_to_limit)


@settings(max_examples=60, deadline=None)
@given(ANY, st.integers(-(10**9), 10**9))
def test_the_time_of_day_does_not_matter(of: tuple[str, int, int], shift: int) -> None:
    kind, hours, number = of
    found = generated(kind, hours * HOUR, number)
    points = [UsagePoint(round(each.at), each.usage) for each in found]
    moved = [UsagePoint(each.at + shift, each.usage) for each in points]
    assert classify(points) == classify(moved)


@settings(max_examples=60, deadline=None)
@given(ANY, st.integers(1, 8))
def test_the_size_does_not_matter(of: tuple[str, int, int], power: int) -> None:
    kind, hours, number = of
    points = generated(kind, hours * HOUR, number)
    larger = [UsagePoint(each.at, each.usage << power) for each in points]
    assert same(classify(points, 8000 * MIB), classify(larger, 8000 * MIB << power))


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_a_reading_that_is_repeated_or_impossible_does_not_matter(of: tuple[str, int, int]) -> None:
    kind, hours, number = of
    points = generated(kind, hours * HOUR, number)
    odd = [UsagePoint(float("nan"), 1), UsagePoint(float("inf"), 1), UsagePoint(3, -1)]
    assert classify([*odd, *points, *points]) == classify(points)
