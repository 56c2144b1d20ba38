from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.kill_report.period import MAX_PARTS, Period

END = datetime(2026, 11, 29, 10, 7, 12, tzinfo=UTC)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (timedelta(minutes=30), timedelta(minutes=1)),
        (timedelta(hours=24), timedelta(hours=1)),
        (timedelta(days=7), timedelta(hours=6)),
        (timedelta(days=30), timedelta(days=1)),
        (timedelta(days=365), timedelta(days=14)),
    ],
)
def test_the_parts_have_a_round_length(length: timedelta, step: timedelta) -> None:
    assert Period(END - length, END).step == step


def test_days_begin_at_midnight() -> None:
    parts = Period(END - timedelta(days=30), END).parts
    assert {part.start.time().isoformat() for part in parts} == {"00:00:00"}


def test_the_previous_period_ends_where_this_one_starts() -> None:
    period = Period(END - timedelta(days=7), END)
    assert period.previous == Period(END - timedelta(days=14), END - timedelta(days=7))
    assert not period.covers(END)
    assert period.covers(period.start)
    assert not period.covers(None)


@given(start=TIMES, seconds=st.integers(1, 50 * 365 * 86400), share=st.floats(0, 0.999))
def test_the_parts_cover_the_period_and_each_time_has_one(
    start: datetime, seconds: int, share: float
) -> None:
    period = Period(start, start + timedelta(seconds=seconds))
    parts = period.parts
    assert 0 < len(parts) <= MAX_PARTS
    assert parts[0].start <= period.start
    assert parts[-1].end >= period.end
    assert all(a.end == b.start for a, b in pairwise(parts))
    time = period.start + share * period.length
    assert parts[period.part_of(time)].covers(time)


def test_a_period_at_the_beginning_of_time_has_a_previous_one() -> None:
    start = datetime(1, 1, 2, tzinfo=UTC)
    assert Period(start, start + timedelta(days=9)).previous.end == start
