from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.usage_pattern.series import MAX_BUCKETS, clean, lives, thinned
from oomwarden.core.usage_pattern.trend import concordance, noise, slope, swings
from oomwarden.core.usage_pattern.verdict import UsagePoint

reading = st.builds(UsagePoint, st.integers(0, 10**6), st.integers(0, 1 << 40))
points = st.lists(reading, max_size=400)


@given(points)
def test_thinning_keeps_the_extremes_and_the_order(readings: list[UsagePoint]) -> None:
    usable = clean(readings)
    buckets = thinned(usable)
    assert len(buckets) <= MAX_BUCKETS
    assert [each.at for each in buckets] == sorted(each.at for each in buckets)
    assert all(each.low <= each.middle <= each.high for each in buckets)
    if usable:
        assert min(each.low for each in buckets) == min(each.usage for each in usable)
        assert max(each.high for each in buckets) == max(each.usage for each in usable)


@given(points, st.none() | st.integers(0, 1 << 40))
def test_lives_are_the_whole_series_in_parts(readings: list[UsagePoint], limit: int | None) -> None:
    usable = clean(readings)
    parts = lives(usable, limit)
    assert [each for part in parts for each in part] == usable
    assert len(parts) == 1 or all(parts)


def test_a_fall_by_half_from_the_limit_is_a_restart() -> None:
    readings = [UsagePoint(each, usage) for each, usage in enumerate((50, 99, 40, 50))]
    assert len(lives(readings, None)) == 1
    assert len(lives(readings, 100)) == 2


def test_the_robust_slope_ignores_an_outlier() -> None:
    levels = [(float(each), 3.0 * each) for each in range(20)]
    levels[10] = (10.0, 1e9)
    assert slope(levels) == 3
    assert 0.85 < concordance(levels) < 1


def test_a_line_has_no_noise_and_no_swings() -> None:
    levels = [(float(each), 3.0 * each) for each in range(20)]
    assert noise(levels) == 0
    assert swings(levels, 1) == ([], [])


def test_swings_are_counted_once_they_are_complete() -> None:
    levels = [(float(at), value) for at, value in enumerate([5.0, 9, 1, 8, 2, 2.5])]
    troughs, peaks = swings(levels, 3)
    assert troughs == [(2.0, 1.0)]
    assert peaks == [(1.0, 9.0), (3.0, 8.0)]
