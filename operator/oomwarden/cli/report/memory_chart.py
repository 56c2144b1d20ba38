"""The chart of a container's memory before a kill, with its limit."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from oomwarden.cli.report.axis import percent, size_ticks
from oomwarden.cli.report.html import Markup, element, joined
from oomwarden.cli.report.wording import amount, exact_amount
from oomwarden.core.kill_report.worst import WorstKill
from oomwarden.core.usage_pattern.verdict import UsagePoint

_TOP, _PLOT, _BOTTOM = 20, 140, 24
_HEIGHT = _TOP + _PLOT + _BOTTOM
_WIDTH = 1000
"""Of the curve's own coordinates; it is stretched to the width of the page."""
_HEAD_ROOM = 1.06
_NEAR_LIMIT = 0.9
_LABELS = (0.0, 0.25, 0.5)
"""Where times are written, as shares of the width; a phone has room for the first."""
_SHORT = 600
"""Below this many seconds, labels have seconds."""


def memory_chart(kill: WorstKill, number: int) -> Markup | None:
    """Return the chart; None if the record has fewer than two readings.

    Args:
        kill: The kill.
        number: Distinguishes the identifiers of several charts.
    """
    points = kill.usage.points
    if len(points) < 2:  # noqa: PLR2004 - a line
        return None
    limit = kill.usage.limit_bytes
    largest = max(*(each.usage for each in points), limit or 0, 1)
    top = int(largest * _HEAD_ROOM)
    sizes = _round_sizes(top, limit)
    ids = f"memory-title-{number} memory-desc-{number}"
    return element(
        "svg",
        element("title", "Memory before the kill", id=f"memory-title-{number}"),
        element("desc", describe_curve(kill), id=f"memory-desc-{number}"),
        _grid(sizes, top),
        _curve(points, top),
        _size_labels(sizes, top),
        _limit(limit, top),
        _kill_mark(),
        _time_labels(points, kill.found),
        class_="chart memory",
        width="100%",
        height=_HEIGHT,
        role="img",
        aria_labelledby=ids,
    )


def describe_curve(kill: WorstKill) -> str:
    """Describe the readings in one sentence."""
    points = kill.usage.points
    if not points:
        return "The record has no readings of the memory before the kill."
    first, last = points[0], points[-1]
    limit = (
        ""
        if kill.usage.limit_bytes is None
        else f"; the limit is {exact_amount(kill.usage.limit_bytes)}"
    )
    if len(points) == 1:
        return f"One reading, {_ago(last.at)}: {amount(last.usage)}{limit}."
    return (
        f"From {amount(first.usage)} {_ago(first.at)} to {amount(last.usage)} "
        f"{_ago(last.at)}{limit}."
    )


def _ago(seconds: float) -> str:
    before = abs(min(seconds, 0.0))
    if before < 120:  # noqa: PLR2004 - seconds
        shown = f"{before:.1f}" if before < 10 else f"{before:.0f}"  # noqa: PLR2004 - seconds
        return f"{shown.removesuffix('.0')} s before"
    if before < 7200:  # noqa: PLR2004 - minutes
        return f"{before / 60:.0f} min before"
    return f"{before / 3600:.0f} h before"


def _y(size: float, top: int) -> float:
    return _TOP + _PLOT * (1 - size / top)


def _grid(sizes: Sequence[int], top: int) -> Markup:
    lines = []
    for size in (0, *sizes):
        y = _y(size, top)
        name = "grid" if size else "axis"
        lines.append(element("line", x1="0", x2="100%", y1=y, y2=y, class_=name))
    return joined(lines)


def _size_labels(sizes: Sequence[int], top: int) -> Markup:
    return joined(
        element("text", amount(size), x="0", y=_y(size, top) - 4, class_="halo") for size in sizes
    )


def _round_sizes(top: int, limit: int | None) -> list[int]:
    """Return the amounts that have a line; the limit has a line of its own."""
    highest = min(top, (limit or top) * _NEAR_LIMIT)
    return [size for size in size_ticks(top) if 0 < size <= highest]


def _curve(points: Sequence[UsagePoint], top: int) -> Markup:
    """Return line and area; the line ends where the last reading was, not at the kill."""
    start = points[0].at
    span = -start or 1.0
    steps = [
        f"{(each.at - start) / span * _WIDTH:.1f} {_PLOT * (1 - each.usage / top):.1f}"
        for each in points
    ]
    line = "M" + "L".join(steps)
    end = (points[-1].at - start) / span * _WIDTH
    shapes = (
        element("path", d=f"{line}L{end:.1f} {_PLOT}L0 {_PLOT}Z", class_="area"),
        element("path", d=line, class_="curve", vector_effect="non-scaling-stroke"),
    )
    return element(
        "svg",
        shapes,
        y=_TOP,
        width="100%",
        height=_PLOT,
        viewBox=f"0 0 {_WIDTH} {_PLOT}",
        preserveAspectRatio="none",
    )


def _limit(limit: int | None, top: int) -> Markup | None:
    if limit is None:
        return None
    y = _y(limit, top)
    return joined(
        [
            element("line", x1="0", x2="100%", y1=y, y2=y, class_="limit"),
            element(
                "text",
                f"limit {exact_amount(limit)}",
                x="50%",
                y=y - 5,
                text_anchor="middle",
                class_="halo limit-text",
            ),
        ]
    )


def _kill_mark() -> Markup:
    return element("line", x1="100%", x2="100%", y1=_TOP - 6, y2=_TOP + _PLOT, class_="kill")


def _time_labels(points: Sequence[UsagePoint], found: datetime | None) -> Markup:
    if found is None:
        return Markup()
    found, span = found.astimezone(UTC), -points[0].at
    form = "%H:%M:%S" if span < _SHORT else "%H:%M"
    labels = [
        element(
            "text",
            (found - timedelta(seconds=span * (1 - share))).strftime(form),
            x=percent(share, 1),
            y=_HEIGHT - 5,
            class_="minor" if number else None,
        )
        for number, share in enumerate(_LABELS)
    ]
    killed = f"killed {found.strftime(form)}"
    end = element("text", killed, x="100%", y=_HEIGHT - 5, text_anchor="end", class_="kill-text")
    return joined([*labels, end])
