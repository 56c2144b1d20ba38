import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.cli.output.chart import chart, encodes_blocks

MI = 1 << 20
RISING = [(-300.0 + 10 * n, (200 + 10 * n) * MI) for n in range(31)]


def test_a_chart_rises_to_the_limit_line_at_the_kill() -> None:
    assert chart(RISING, 512 * MI, 60, 4) == [
        "512Mi ┤╌ limit 512Mi ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▁▁▂▂▂▃▃▄▄▄▅▅▅▅▆▆▇▇",
        "      │            ▁▁▂▂▂▃▃▃▃▄▅▅▅▅▆▆▆▆▇██████████████████████",
        "256Mi ┤▄▅▅▆▆▆▆▇█████████████████████████████████████████████",
        "    0 ┤█████████████████████████████████████████████████████",
        "      └─────────────────────────────────────────────────────",
        "       -5m                    -2m30s                    kill",
    ]


def test_a_limit_below_the_peak_is_a_line_within_the_chart() -> None:
    lines = chart([(-20.0, 10 * MI), (-10.0, 10 * MI), (0.0, 100 * MI)], 50 * MI, 60, 4)
    assert "limit 50Mi" in lines[2]
    assert "limit" not in lines[0]


def test_without_a_limit_there_is_no_line() -> None:
    assert "╌" not in "".join(chart(RISING, None, 60))


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert "".join(chart(RISING, 512 * MI, 60, is_ascii=True)).isascii()
    assert not encodes_blocks("ascii")
    assert not encodes_blocks("no-such-encoding")
    assert encodes_blocks("utf-8")


def test_a_time_without_readings_stays_empty() -> None:
    early = [(-3600.0 + n, 100 * MI) for n in range(0, 300, 10)]
    late = [(-300.0 + n, 100 * MI) for n in range(0, 300, 10)]
    bottom = chart([*early, *late], None, 70, 4)[3]
    assert re.search(r"█ {20,}█", bottom)


def test_no_readings_are_no_chart() -> None:
    assert chart([], 512 * MI, 60) == []


points = st.lists(
    st.tuples(st.floats(-1e6, 0, allow_nan=False), st.integers(0, 1 << 50)), min_size=1, max_size=50
)


@given(points, st.none() | st.integers(0, 1 << 50), st.integers(0, 200), st.integers(2, 12))
def test_any_readings_fit_the_width(
    readings: list[tuple[float, int]], limit: int | None, width: int, height: int
) -> None:
    lines = chart(sorted(readings), limit, width, height)
    assert len(lines) == height + 2
    assert max(map(len, lines)) <= max(width, 40)


@pytest.mark.parametrize(
    ("start", "label"), [(-90.0, "-90s"), (-600.0, "-10m"), (-36000.0, "-10h")]
)
def test_the_time_is_labelled_in_one_unit(start: float, label: str) -> None:
    assert chart([(start, MI), (0.0, MI)], None, 60)[-1].split()[0] == label
