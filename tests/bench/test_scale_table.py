"""A run of bench-scale is read back as it was written, and compared figure by figure."""

import json
from pathlib import Path

import pytest

from bench.scale import table
from bench.scale.__main__ import SCENARIOS, parse
from bench.scale.table import Results

RESULTS: Results = {
    "start": {"resident MiB": 83.25, "CPU seconds": 3.0},
    "kills": "the operator has ended",
}


def test_a_run_is_read_back_as_it_was_written() -> None:
    text = json.dumps(table.to_json(RESULTS, {"nodes": 2000}))
    assert table.from_json(json.loads(text)) == RESULTS


def test_the_table_shows_figures_with_their_units_and_why_a_scenario_failed() -> None:
    assert table.render(RESULTS).splitlines() == [
        "start",
        "  resident MiB  83.25",
        "  CPU seconds   3",
        "kills",
        "  FAILED: the operator has ended",
    ]


def test_the_comparison_shows_the_figures_of_both_runs() -> None:
    before: Results = {"start": {"resident MiB": 169.2, "gone": 1.0}, "kills": "late"}
    assert table.compare(before, RESULTS).splitlines() == [
        "",
        "earlier run -> this run",
        "start",
        "  resident MiB  169 -> 83.25",
        "kills: cannot be compared",
    ]


def test_the_command_line_names_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.json").write_text('{"results": [1]}')
    wrong = {
        "--nodes=5": "5 is not a number between 10 and 10000",
        "--only=start,nothing": "unknown scenario nothing; use any of start, ",
        f"--compare={tmp_path}/odd.json": "is not a result of this benchmark",
        f"--operator={tmp_path}": "has no oomwarden/controller",
    }
    for argument, message in wrong.items():
        with pytest.raises(SystemExit):
            parse([argument])
        assert message in capsys.readouterr().err


def test_scenarios_run_in_their_order_whatever_the_order_of_their_names() -> None:
    assert parse(["--only=kills,start"]).only == ("start", "kills")
    assert parse([]).nodes == 2000
    assert next(iter(SCENARIOS)) == "start"
