import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.usage_pattern import samples
from oomwarden.core.usage_pattern.samples import (
    NoSamplesError,
    parse_prometheus,
    parse_samples,
)
from oomwarden.core.usage_pattern.verdict import UsagePoint

MIB = 1 << 20
TEN = 1793268000.0
"""2026-10-29T10:00:00Z"""


@pytest.mark.parametrize(
    ("line", "at", "usage"),
    [
        ("60,220200960", 60, 210 * MIB),
        ("60;210Mi", 60, 210 * MIB),
        ("60\t210Mi", 60, 210 * MIB),
        ("60 210Mi", 60, 210 * MIB),
        ("60, 210 MiB", 60, 210 * MIB),
        ("60,210MB", 60, 210_000_000),
        ("60,210kB", 60, 210_000),
        ('"60","2.2e+08"', 60, 220_000_000),
        ("1793268000,1", TEN, 1),
        ("1793268000000,1", TEN, 1),
        ("1793268000000000000,1", TEN, 1),
        ("2026-10-29T10:00:00Z,1Gi", TEN, 1 << 30),
        ("2026-10-29T12:00:00+02:00,1Gi", TEN, 1 << 30),
        ("2026-10-29 10:00:00 1Gi", TEN, 1 << 30),
        ("1793268000 api-7d9f-x2x 12m 210Mi", TEN, 210 * MIB),
        ("1793268000 api-7d9f-x2x app 12m 210Mi", TEN, 210 * MIB),
    ],
)
def test_forms_of_a_line(line: str, at: float, usage: int) -> None:
    [point] = parse_samples([line]).points
    assert point.at == pytest.approx(at)
    assert point.usage == usage


def test_headings_say_which_column_is_which() -> None:
    found = parse_samples(["pod,memory,time,cpu", "api,5Mi,60,1", "api,6Mi,120,1"])
    assert found.points == [UsagePoint(60, 5 * MIB), UsagePoint(120, 6 * MIB)]


def test_comments_headings_and_blank_lines_are_no_errors() -> None:
    found = parse_samples(["# of node 1", "", "   ", "time,bytes", "1,2", "NAME CPU MEMORY"])
    assert (len(found.points), found.skipped) == (1, 0)


def test_lines_that_cannot_be_read_are_counted_and_the_first_is_named() -> None:
    found = parse_samples(
        ["1,2", "2,x3", "yesterday 1,5", "4", "5,-1", "nan,1", "none,none", "6,7"]
    )
    assert found.points == [UsagePoint(1, 2), UsagePoint(6, 7)]
    assert found.skipped == 6
    assert found.first_skipped is not None
    assert found.first_skipped[0] == 2
    assert "'x3' is not a quantity" in found.first_skipped[1]


def test_too_many_samples_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MAX_SAMPLES", 3)
    with pytest.raises(NoSamplesError, match="more than 3"):
        parse_samples(f"{each},1" for each in range(10))


@given(st.lists(st.text(max_size=200), max_size=30))
def test_no_lines_make_it_raise(lines: list[str]) -> None:
    found = parse_samples(lines)
    assert len(found.points) + found.skipped <= len(lines)


def matrix(*series: list[list[Any]]) -> str:
    result = [{"metric": {"pod": "api"}, "values": values} for values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def test_an_answer_of_prometheus_is_read() -> None:
    found = parse_prometheus(matrix([[60, "5"], [120.5, "6e3"]]))
    assert found.points == [UsagePoint(60, 5), UsagePoint(120.5, 6000)]


def test_series_that_follow_each_other_are_one_container_that_restarted() -> None:
    found = parse_prometheus(matrix([[120, "1"], [180, "2"]], [[0, "8"], [60, "9"]], []))
    assert [point.usage for point in found.points] == [8, 9, 1, 2]


def test_series_at_the_same_time_are_refused() -> None:
    with pytest.raises(NoSamplesError, match="2 series at the same time"):
        parse_prometheus(matrix([[0, "1"], [60, "2"]], [[30, "8"]]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "range query"),
        ('{"status": "error", "error": "parse error"}', "parse error"),
        ('{"status": "success"}', "no data.result"),
        ('{"status": "success", "data": {"result": [1]}}', "no data.result"),
        ('{"status": "success", "data": {"result": [{"value": [1, "2"]}]}}', "no values"),
        (matrix([[0, "x"]]), "pairs of a time and a number"),
        (matrix([[0, "Inf"]]), "pairs of a time and a number"),
        (matrix([[0]]), "pairs of a time and a number"),
    ],
)
def test_other_documents_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(NoSamplesError, match=reason):
        parse_prometheus(text)
