from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint

numbers = st.integers(-(1 << 70), 1 << 70) | st.integers(0, 1000) | st.sampled_from([0, 1 << 63])
times = st.floats() | st.integers(-1000, 1000) | st.integers(0, 10**6).map(lambda each: each / 7)
series = st.lists(st.builds(UsagePoint, times, numbers), max_size=200)


@settings(max_examples=300)
@given(series, st.none() | numbers)
def test_no_numbers_make_it_raise(points: list[UsagePoint], limit: int | None) -> None:
    verdict = classify(points, limit)
    assert verdict.evidence
    assert verdict.growth is None or verdict.pattern == Pattern.LEAK
    assert verdict.seconds_to_limit is None or verdict.seconds_to_limit > 0


@settings(max_examples=100)
@given(series)
def test_the_order_of_the_readings_does_not_matter(points: list[UsagePoint]) -> None:
    assert classify(points) == classify(points[::-1])
