"""Tables in kubectl's style: upper-case headings, three spaces between columns, no lines."""

from collections.abc import Sequence

from rich.cells import cell_len

from oomwarden.cli.output.terminal import visible

_GAP = "   "


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, headed: bool = True) -> str:
    """Return a table; a cell that is None is shown as <none>, as kubectl does.

    Args:
        headings: The titles of the columns.
        rows: The cells; text of tenants is escaped.
        headed: Whether the table begins with its headings.
    """
    cells = [[_cell(each) for each in row] for row in rows]
    shown = [list(headings), *cells] if headed else cells
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    return "".join(f"{_line(row, widths)}\n" for row in shown)


def _cell(value: object) -> str:
    return "<none>" if value is None else visible(value)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()
