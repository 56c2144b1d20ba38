from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.cli.output.ages import age, duration, short_duration

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (190, "3m10s"),
        (600, "10m"),
        (179 * 60, "179m"),
        (3 * 3600, "3h"),
        (5 * 3600 + 1800, "5h30m"),
        (47 * 3600, "47h"),
        (51 * 3600, "2d3h"),
        (8 * 86400, "8d"),
        (700 * 86400, "700d"),
        (800 * 86400, "2y70d"),
        (3000 * 86400, "8y"),
    ],
)
def test_an_age_is_shown_as_kubectl_shows_it(seconds: int, shown: str) -> None:
    assert short_duration(seconds) == shown
    assert age(NOW - timedelta(seconds=seconds), NOW) == shown


def test_an_unknown_time_has_no_age() -> None:
    assert age(None, NOW) == "<unknown>"


@given(st.integers(min_value=0, max_value=10**10))
def test_an_age_is_never_longer_than_the_time(seconds: int) -> None:
    shown = short_duration(seconds).replace("y", "_").replace("_", "y")
    if "y" not in shown:
        assert duration(shown) <= timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "hours"), [("30m", 0.5), ("12h", 12), ("7d", 168), ("1w", 168), ("1h30m", 1.5)]
)
def test_a_duration_is_read_as_people_type_it(text: str, hours: float) -> None:
    assert duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "7", "d", "-1h", "1 h", "yesterday", "9" * 40 + "d"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write 30m, 12h, 7d or 1h30m"):
        duration(text)
