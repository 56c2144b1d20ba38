import json
from pathlib import Path

import pytest

from bench.recall import kernel, table
from bench.recall.__main__ import ALL, one_line, parse
from bench.recall.judge import Score
from bench.recall.table import Result

RESULTS = {
    "quiet": Result({"oomwarden": Score(2, 1, 0, 1, (0.25, 0.5), 1)}, ("a note",)),
    "kernel": Result({"oomwarden": Score(200, 200, 0, 0), "kubelet's status": None}),
    "node": Result(failed="no such node"),
}


def test_a_run_is_read_back_as_it_was_written() -> None:
    text = json.dumps(table.to_json(RESULTS, {"kills": 3.0}, {"kernel": "6.1"}))
    assert table.from_json(json.loads(text)) == (RESULTS, {"kills": 3.0})


def test_the_table_shows_what_could_not_be_scored_and_which_scenario_failed() -> None:
    lines = table.render(RESULTS, {"kills": 3}).splitlines()
    assert lines[1].split() == ["quiet", "oomwarden", "2", "50", "%", "1", "0", "1", "0.38", "0.50"]
    assert lines[2].split() == ["a", "note"]
    assert lines[4].split() == ["kubelet's", "status", *"-------"]
    assert lines[5] == "node       FAILED: no such node"
    assert lines[6] == "kills: 3.0"


def test_figures_are_aligned_with_their_headings() -> None:
    head, row, *_ = table.render(RESULTS, {}).splitlines()
    assert row.index("50 %") + len("50 %") == head.index("recall") + len("recall")
    assert len(head) == len(row)


def test_the_comparison_of_two_runs_shows_the_differences() -> None:
    before = {"quiet": Result({"oomwarden": Score(2, 2, 0, 0, (0.25, 0.5), 1)}), "init": Result()}
    text = table.compare((before, {"kills": 2.0}), (RESULTS, {"kills": 3.0}))
    assert "recall 100 % -> 50 %  twice 0 -> 1" in text
    assert "p50" not in text
    assert "init       only in the earlier run" in text
    assert "node       only in this run" in text
    assert "kills: 2.0 -> 3.0" in text


def test_an_unknown_scenario_is_refused_with_the_valid_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse(["--only", "quiet,loud"])
    assert "unknown scenario loud; use any of quiet, burst" in capsys.readouterr().err


def test_scenarios_run_once_and_in_a_fixed_order() -> None:
    assert parse(["--only", "kernel,quiet,kernel"]).only == ("quiet", "kernel")
    assert parse([]).only is None
    assert ALL[-1] == "kernel"


def test_a_file_that_is_not_a_result_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"results": {"quiet": {"oomwarden": {}}}}')
    with pytest.raises(SystemExit):
        parse(["--compare", str(other)])
    assert "is not a result of this benchmark" in capsys.readouterr().err


def test_an_error_is_formatted_as_one_line() -> None:
    assert one_line(AssertionError("not seen\n  within 3 s")) == "not seen within 3 s"
    assert one_line(ValueError()) == "ValueError"


def storm(lines: int, counted: int, *records: tuple[str, int]) -> Result:
    reported = [{"id": identifier, "kills": kills} for identifier, kills in records]
    report = {"kernel": counted, "log": {"records": reported}}
    owner = {"1": ["pod-1", "app", "a"], "2": ["pod-2", "app", "b"]}
    return kernel.score({"owner": owner, "lines": {"oom-kill": lines}, "report": report})


def test_a_storm_without_kubernetes_scores_records_and_log_lines() -> None:
    result = storm(1, 4, ("a", 1), ("b", 1))
    assert list(result.scores.values()) == [Score(2, 2, 0, 0), Score(2, 1, 0, 0), None, None]
    assert len(result.remarks) == 1


def test_a_storm_with_another_count_of_the_kernel_is_remarked() -> None:
    assert "does not match" in storm(1, 5, ("a", 1), ("b", 1)).remarks[-1]
