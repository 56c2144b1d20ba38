"""A chart of readings in the terminal: an area, and the limit as a line."""

import math
from collections.abc import Sequence
from itertools import pairwise

from oomwarden.cli.output.ages import short_duration
from oomwarden.core.model.quantity import rounded_bytes

MIN_WIDTH = 30
_BLOCKS, _ASCII_BLOCKS = " ▁▂▃▄▅▆▇█", "  ...:::#"
_STEPS = 8
_LINE, _ASCII_LINE = "╌", "-"
_GAP_COLUMNS = 3
"""A longer gap than this many times the usual distance of readings stays empty."""


def chart(
    points: Sequence[tuple[float, int]],
    limit: int | None,
    width: int,
    height: int = 8,
    *,
    is_ascii: bool = False,
    end: str = "kill",
) -> list[str]:
    """Return the lines of a chart; none if there are no readings.

    Args:
        points: Seconds relative to the end, which is 0, and bytes; in the order of time.
        limit: Bytes; drawn as a line. None for no line.
        width: Columns for everything.
        height: Rows for the area.
        is_ascii: Whether the terminal knows ASCII alone.
        end: What the end of the time axis is called.
    """
    if not points:
        return []
    top = max([usage for _, usage in points] + [limit or 0, 1])
    labels = _labels(top, height)
    margin = max(map(len, labels)) + 2
    columns = _levels(points, max(width, MIN_WIDTH) - margin)
    rows = [
        f"{label:>{margin - 2}} {_edge(label, is_ascii)}{row}".rstrip()
        for label, row in zip(labels, _rows(columns, top, limit, height, is_ascii), strict=True)
    ]
    start = -points[0][0]
    times = _ago(start), _ago(start / 2), end
    return [*rows, *_axis(times, margin, len(columns), is_ascii)]


def encodes_blocks(encoding: str | None) -> bool:
    """Return whether an encoding has the characters of the chart."""
    try:
        (_BLOCKS + _LINE + "┤│└─").encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _edge(label: str, is_ascii: bool) -> str:  # noqa: FBT001 - one caller
    if is_ascii:
        return "|"
    return "┤" if label else "│"


def _labels(top: int, height: int) -> list[str]:
    """Return a label for the top, the middle and the bottom row; the others are empty."""
    labels = [""] * height
    labels[0], labels[height // 2], labels[-1] = rounded_bytes(top), rounded_bytes(top // 2), "0"
    return labels


def _levels(points: Sequence[tuple[float, int]], width: int) -> list[int | None]:
    """Return the largest reading of each column; gaps of few columns are filled."""
    start, end = points[0][0], 0.0
    span = max(end - start, 1.0)
    columns: list[int | None] = [None] * width
    for at, usage in points:
        column = min(max(int((at - start) / span * width), 0), width - 1)
        columns[column] = max(columns[column] or 0, usage)
    return _filled(columns, _usual_gap(points, width / span))


def _usual_gap(points: Sequence[tuple[float, int]], per_second: float) -> int:
    gaps = sorted(after[0] - before[0] for before, after in pairwise(points))
    usual = gaps[len(gaps) // 2] if gaps else 0.0
    return max(math.ceil(usual * per_second * _GAP_COLUMNS), _GAP_COLUMNS)


def _filled(columns: list[int | None], most: int) -> list[int | None]:
    """Continue a reading until the next one, or for as long as readings usually are apart."""
    last, since = None, 0
    filled: list[int | None] = []
    for each in columns:
        last, since = (each, 0) if each is not None else (last, since + 1)
        filled.append(last if since <= most else None)
    return filled


def _rows(
    columns: Sequence[int | None],
    top: int,
    limit: int | None,
    height: int,
    is_ascii: bool,  # noqa: FBT001
) -> list[str]:
    blocks = _ASCII_BLOCKS if is_ascii else _BLOCKS
    heights = [
        0 if each is None else max(round(each / top * height * _STEPS), 1) for each in columns
    ]
    rows = []
    line = None if limit is None else min(height - 1, int((1 - limit / top) * height))
    for row in range(height):
        floor = (height - 1 - row) * _STEPS
        cells = [blocks[min(max(each - floor, 0), _STEPS)] for each in heights]
        text = "".join(cells)
        rows.append(_with_limit(text, limit, is_ascii) if row == line and limit else text)
    return rows


def _with_limit(row: str, limit: int, is_ascii: bool) -> str:  # noqa: FBT001 - one caller
    """Draw the limit where the area leaves room, with its label at the left."""
    line = _ASCII_LINE if is_ascii else _LINE
    label = f"{line} limit {rounded_bytes(limit)} "
    drawn = "".join(line if cell == " " else cell for cell in row)
    return label + drawn[len(label) :] if not row[: len(label)].strip() else drawn


def _axis(
    labels: tuple[str, str, str],
    margin: int,
    width: int,
    is_ascii: bool,  # noqa: FBT001 - one caller
) -> list[str]:
    corner, line = ("+", "-") if is_ascii else ("└", "─")
    left, middle, right = labels
    space = width - len(left) - len(middle) - len(right)
    before = max(width // 2 - len(left) - len(middle) // 2, 1)
    texts = f"{left}{' ' * before}{middle}{' ' * max(space - before, 1)}{right}"
    return [" " * (margin - 1) + corner + line * width, " " * margin + texts]


def _ago(seconds: float) -> str:
    return f"-{short_duration(seconds)}"
