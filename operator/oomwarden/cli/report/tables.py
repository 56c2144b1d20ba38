"""Tables that scroll inside the page, and small bars in their cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from oomwarden.cli.report.axis import percent
from oomwarden.cli.report.causes import ORDER, class_of
from oomwarden.cli.report.html import Content, Markup, element
from oomwarden.core.kill_report.causes import known_cause

_SPARK_HEIGHT, _BAR_HEIGHT = 24, 12


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table.

    Attributes:
        is_number: Whether its cells are aligned at the right.
    """

    title: str
    is_number: bool = False


def data_table(
    caption: str,
    name: str,
    columns: Sequence[TableColumn],
    rows: Sequence[Sequence[Content]],
    *,
    is_caption_hidden: bool = False,
) -> Markup:
    """Return a table whose first column names each row.

    Args:
        caption: What the table has.
        name: Distinguishes its identifiers from those of other tables.
        columns: The headings.
        rows: The cells.
        is_caption_hidden: Whether only screen readers need the caption.
    """
    caption_id = f"caption-{name}"
    heads = [element("th", each.title, scope="col", class_=_class(each)) for each in columns]
    body = [element("tr", _cells(columns, row)) for row in rows]
    table = element(
        "table",
        element("caption", caption, id=caption_id, class_="hidden" if is_caption_hidden else None),
        element("thead", element("tr", heads)),
        element("tbody", body),
    )
    # Keyboards need the focus to scroll.
    return element(
        "div", table, class_="scroll", role="region", aria_labelledby=caption_id, tabindex="0"
    )


def _cells(columns: Sequence[TableColumn], row: Sequence[Content]) -> list[Markup]:
    first, *rest = zip(columns, row, strict=True)
    head = element("th", first[1], scope="row", class_=_class(first[0]))
    return [head, *(element("td", cell, class_=_class(column)) for column, cell in rest)]


def _class(column: TableColumn) -> str | None:
    return "number" if column.is_number else None


def stacked_bar(causes: Sequence[tuple[str, int]], largest: int) -> Markup:
    """Return a horizontal bar of kills by cause; the largest number fills the width."""
    sums = dict.fromkeys(ORDER, 0)
    for cause, kills in causes:
        sums[known_cause(cause)] += kills
    done, shapes = 0, []
    for cause, kills in sums.items():
        if kills:
            x, width = percent(done, largest), percent(kills, largest)
            shapes.append(
                element("rect", x=x, width=width, height=_BAR_HEIGHT, class_=class_of(cause))
            )
            done += kills
    return element(
        "svg", shapes, class_="bar", width="100%", height=_BAR_HEIGHT, aria_hidden="true"
    )


def spark_line(counts: Sequence[int], width: int = 96) -> Markup:
    """Return the course of a number over time as small bars, without an axis."""
    largest, step = max(*counts, 1), width / max(len(counts), 1)
    shapes = [
        element(
            "rect",
            x=number * step,
            width=max(step * 0.8, 1.0),
            y=_SPARK_HEIGHT - (height := max(count / largest * _SPARK_HEIGHT, 1.5)),
            height=height,
        )
        for number, count in enumerate(counts)
        if count
    ]
    base = element(
        "line", x1=0, x2=width, y1=_SPARK_HEIGHT - 0.5, y2=_SPARK_HEIGHT - 0.5, class_="axis"
    )
    return element(
        "svg", base, shapes, class_="spark", width=width, height=_SPARK_HEIGHT, aria_hidden="true"
    )
