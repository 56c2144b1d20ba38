import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.parse.pressure import MemoryStalls, StallAverages, parse_pressure

TEXT = (
    "some avg10=12.50 avg60=3.07 avg300=0.00 total=123456\n"
    "full avg10=1.00 avg60=0.50 avg300=0.25 total=999\n"
)


def test_averages_are_read_in_percent() -> None:
    assert parse_pressure(TEXT) == MemoryStalls(
        StallAverages(12.5, 3.07, 0.0), StallAverages(1.0, 0.5, 0.25)
    )


def test_a_kernel_without_full_leaves_it_out() -> None:
    found = parse_pressure(TEXT.splitlines()[0])
    assert found is not None
    assert found.full is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "full avg10=1.00 avg60=0.50 avg300=0.25 total=999\n",
        "some avg10=1 avg60=2 avg300=3\n",
        "some avg10=1234567.00 avg60=0.00 avg300=0.00 total=1\n",
        "some avg10=-1.00 avg60=0.00 avg300=0.00 total=1\n",
        "some avg10=nan avg60=0.00",
        "some avg10=\u0661.\u0660\u0660 avg60=0.00 avg300=0.00",
    ],
)
def test_a_torn_or_another_file_is_none(text: str) -> None:
    assert parse_pressure(text) is None


@given(st.text(alphabet="some full avg103=.60\n\0é9", max_size=200) | st.text())
def test_whatever_the_text_shares_are_between_0_and_100(text: str) -> None:
    found = parse_pressure(f"some avg10=999.99 avg60=0.01 avg300=0.00\n{text}")
    assert found is not None
    assert all(0 <= each <= 100 for each in (found.some.avg10, found.some.avg60))
