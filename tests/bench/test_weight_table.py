import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.weight import table
from bench.weight.__main__ import parse

BEFORE = {"quiet": {"resident, MiB": 57.7, "threads": 13.0}}
NOW = {"quiet": {"resident, MiB": 31.0, "threads": 13.0, "descriptors": 1509.0}}


def test_two_agents_stand_beside_each_other_with_the_change_in_percent() -> None:
    head, resident, threads, descriptors = table.render({"base": BEFORE, "this": NOW}).splitlines()
    assert head.split() == ["quiet", "base", "this", "change"]
    assert resident.split() == ["resident,", "MiB", "57.7", "31.0", "-46", "%"]
    assert threads.split() == ["threads", "13.0", "13.0", "+0", "%"]
    assert descriptors.split() == ["descriptors", "-", "1,509"]


def test_one_agent_has_no_change_and_three_have_none_either() -> None:
    assert "change" not in table.render({"this": NOW})
    assert "change" not in table.render({"a": NOW, "b": NOW, "c": NOW})
    assert "change" not in table.render({"this": NOW, "another program": NOW}, changes=False)


def test_a_section_that_an_agent_does_not_have_leaves_its_column_out() -> None:
    text = table.render({"this": NOW | {"CPU by loop": {"enforce": 1.0}}, "peer": NOW})
    assert text.split("\n\n")[1].splitlines()[0].split() == ["CPU", "by", "loop", "this"]


def test_of_many_parts_the_largest_are_shown_and_the_others_are_summed() -> None:
    parts = {f"module{number}": float(number) for number in range(100)}
    lines = table.render({"this": {"memory by module": parts}}).splitlines()
    assert len(lines) == table.MAX_ROWS + 2
    assert lines[1].split() == ["module99", "99.0"]
    assert lines[-2].split() == ["others", f"{sum(range(100 - table.MAX_ROWS + 1)):,}"]
    assert lines[-1].split() == ["sum", "4,950"]


def test_figures_that_are_no_parts_keep_their_order() -> None:
    figures = {f"figure {number}": float(number) for number in range(40)}
    lines = table.render({"this": {"quiet": figures}}).splitlines()
    assert [line.split()[1] for line in lines[1:]] == [str(number) for number in range(40)]


def test_a_change_from_nothing_has_no_percentage() -> None:
    assert table.change(0.0, 5.0) == ""
    assert table.change(None, 5.0) == ""
    assert table.change(4.0, 5.0) == "+25 %"


names = st.text(min_size=1, max_size=8)
results = st.dictionaries(
    names, st.dictionaries(names, st.dictionaries(names, st.floats(0, 1e9), max_size=5), max_size=3)
)


@given(results)
def test_what_is_written_is_read_again(found: table.Results) -> None:
    assert table.from_json(table.to_json(found, {"cores": "2"})) == found


keys = st.sampled_from(["version", "agents", "x"])
any_json = st.recursive(
    st.none() | st.text() | st.integers(), lambda each: st.lists(each) | st.dictionaries(keys, each)
)


@given(any_json)
def test_any_other_json_is_refused_with_an_error(content: object) -> None:
    try:
        table.from_json(json.dumps(content))
    except (ValueError, TypeError):
        return
    assert isinstance(content, dict)
    assert content["version"] == 1


def test_an_old_result_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing\.json is not a result"):
        table.read(tmp_path / "nothing.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match=r"list\.json is not a result"):
        table.read(tmp_path / "list.json")


def test_old_columns_come_first_and_are_named() -> None:
    assert list(table.beside({"this": BEFORE}, {"this": NOW})) == ["old this", "this"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--only", "loud"], "unknown part loud; use any of quiet, kills, loops"),
        (["--code", "/nowhere"], "/nowhere is no checkout of oomwarden"),
        (["--compare", "/nowhere.json"], "/nowhere.json is not a result of this benchmark"),
    ],
)
def test_a_bad_argument_is_named(
    arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert error in " ".join(capsys.readouterr().err.split())
