from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.cli.report.axis import count_ticks, percent, size_ticks
from oomwarden.cli.report.wording import amount, length, moment, plural, tick

TIME = datetime(2026, 11, 9, 8, 7, tzinfo=UTC)


def test_amounts_have_three_digits_at_most() -> None:
    sizes = (0, 1024, 1536, 307 << 20, (3 << 30) // 2, 1 << 60)
    assert [amount(each) for each in sizes] == ["0", "1Ki", "1.5Ki", "307Mi", "1.5Gi", "1Ei"]
    assert amount(None) == "unknown"


def test_lengths_are_in_the_largest_unit_that_fits() -> None:
    lengths = (timedelta(days=7), timedelta(days=1), timedelta(hours=36), timedelta(seconds=5400))
    assert [length(each) for each in lengths] == ["7 days", "1 day", "36 hours", "90 minutes"]


def test_times_are_in_utc_whatever_their_zone() -> None:
    berlin = TIME.astimezone(timezone(timedelta(hours=1)))
    assert moment(berlin) == "9 Nov 2026 08:07"
    assert moment(None) == "unknown"
    assert tick(berlin, timedelta(hours=6)) == "08:07"
    assert tick(berlin, timedelta(days=1)) == "9 Nov"


def test_numbers_have_their_noun() -> None:
    assert [plural(n, "kill") for n in (0, 1, 1204)] == ["0 kills", "1 kill", "1,204 kills"]


@pytest.mark.parametrize("ticks", [count_ticks, size_ticks])
@given(largest=st.integers(1, 1 << 62))
def test_an_axis_reaches_its_largest_value_with_few_round_steps(
    ticks: object, largest: int
) -> None:
    assert callable(ticks)
    found = ticks(largest)
    assert found[0] == 0
    assert found[-1] >= largest
    assert 2 <= len(found) <= 6


def test_positions_are_percentages() -> None:
    assert [percent(1, 3), percent(0, 5), percent(3, 0)] == ["33.333%", "0%", "0%"]
