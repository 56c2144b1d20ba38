import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.usage_pattern.median import median


@given(st.lists(st.integers() | st.floats(-1e12, 1e12), min_size=1))
def test_it_is_the_median_of_pythons_statistics(values: list[float]) -> None:
    assert median(values) == pytest.approx(statistics.median(values))


def test_there_is_none_of_nothing() -> None:
    with pytest.raises(ValueError, match="no median"):
        median([])
