from hypothesis import given
from hypothesis import strategies as st
from oomwarden.cli.output.bars import WIDTH, bar
from oomwarden.cli.output.tables import table


def test_columns_are_aligned_and_lines_have_no_trailing_blanks() -> None:
    assert table(["NAME", "KILLS"], [["a", 1], ["longer-name", None]]) == (
        "NAME          KILLS\na             1\nlonger-name   <none>\n"
    )


def test_a_table_without_headings_is_as_wide_as_its_cells() -> None:
    assert table(["A VERY WIDE HEADING", "B"], [["a", "b"]], headed=False) == "a   b\n"


def test_wide_characters_count_twice() -> None:
    first, second = table(["N", "M"], [["日本", "x"], ["ab", "y"]], headed=False).splitlines()
    assert first == "日本   x"
    assert second == "ab     y"


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1))
def test_a_row_is_a_line_whatever_the_cells_contain(rows: list[tuple[str, str]]) -> None:
    lines = table(["A", "B"], rows).splitlines()
    assert len(lines) == len(rows) + 1
    assert all(character.isprintable() for line in lines for character in line)


def test_the_largest_value_fills_the_bar_and_a_tiny_one_is_visible() -> None:
    assert bar(10, 10) == "█" * WIDTH
    assert bar(1, 10_000) == "▏"
    assert bar(0, 10) == bar(0, 0) == ""
