"""The chart of kills over time, stacked by cause.

Heights are pixels and widths percentages, so that text and textures keep their size on a phone.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from oomwarden.cli.report.axis import count_ticks, percent
from oomwarden.cli.report.causes import ORDER, class_of, tag
from oomwarden.cli.report.html import Markup, element, joined
from oomwarden.cli.report.tables import TableColumn, data_table
from oomwarden.cli.report.wording import length, plural, short_moment, tick, time_of
from oomwarden.core.kill_report.groups import TimeBar
from oomwarden.core.kill_report.period import Period

_TOP, _PLOT, _BOTTOM = 14, 190, 26
_HEIGHT = _TOP + _PLOT + _BOTTOM
_FILLED = 0.78
"""The share of its place that a bar fills."""
_MAX_LABELS = 8
_NARROW, _WIDE = 0.86, 0.94
"""Where the last label may begin on a phone, and elsewhere."""
_DAY = timedelta(days=1)


def time_chart(period: Period, bars: Sequence[TimeBar]) -> Markup:
    """Return the figure, with its legend and the same figures as a table."""
    most = max(bars, key=lambda each: each.kills)
    what = (
        f"Each bar is {length(period.step)}. The most, {plural(most.kills, 'kill')}, were found "
        f"from {short_moment(most.start)} to {short_moment(most.end)} UTC."
    )
    shown = element(
        "svg",
        element("title", "OOM kills over time, stacked by cause", id="time-title"),
        element("desc", what, id="time-desc"),
        _grid(most.kills),
        [_bar(number, bar, bars, most.kills) for number, bar in enumerate(bars)],
        _labels(period, bars),
        class_="chart",
        width="100%",
        height=_HEIGHT,
        role="img",
        aria_labelledby="time-title time-desc",
    )
    return element("figure", legend(bars), shown, element("figcaption", what), _table(bars))


def legend(bars: Iterable[TimeBar]) -> Markup:
    """Return the causes that occur, with their kills."""
    sums = dict.fromkeys(ORDER, 0)
    for bar in bars:
        for cause, kills in bar.causes:
            sums[cause] += kills
    found = [element("li", tag(cause, kills)) for cause, kills in sums.items() if kills]
    return element("ul", found, class_="legend")


def _scale(most: int) -> int:
    return max(count_ticks(most)[-1], 1)


def _y(kills: int, most: int) -> float:
    return _TOP + _PLOT - kills / _scale(most) * _PLOT


def _grid(most: int) -> Markup:
    lines = []
    for number in count_ticks(most):
        y = _y(number, most)
        lines.append(
            element("line", x1="0", x2="100%", y1=y, y2=y, class_="axis" if not number else "grid")
        )
        if number:
            lines.append(element("text", number, x="0", y=y - 4, class_="halo"))
    return joined(lines)


def _bar(number: int, bar: TimeBar, bars: Sequence[TimeBar], most: int) -> Markup | None:
    if not bar.kills:
        return None
    place = {
        "x": percent(number + (1 - _FILLED) / 2, len(bars)),
        "width": percent(_FILLED, len(bars)),
    }
    by_cause, done, shapes = dict(bar.causes), 0, []
    for cause in ORDER:
        if kills := by_cause.get(cause, 0):
            top, bottom = _y(done + kills, most), _y(done, most)
            shapes.append(
                element("rect", y=top, height=bottom - top, class_=class_of(cause), **place)
            )
            done += kills
    return element("g", element("title", _hint(bar)), shapes)


def _hint(bar: TimeBar) -> str:
    causes = ", ".join(f"{cause} {kills}" for cause, kills in bar.causes)
    span = f"{short_moment(bar.start)} to {short_moment(bar.end)}"
    return f"{span}: {plural(bar.kills, 'kill')} ({causes})"


def _labels(period: Period, bars: Sequence[TimeBar]) -> Markup:
    by_day = period.length > 2 * _DAY
    places = [
        number for number, bar in enumerate(bars) if not by_day or not bar.start.timestamp() % 86400
    ]
    every = -(-len(places) // _MAX_LABELS) or 1
    step = _DAY if by_day else period.step
    return joined(
        element(
            "text",
            tick(bars[place].start, step),
            x=percent(place, len(bars)),
            y=_HEIGHT - 6,
            class_="minor" if number % 2 or place > len(bars) * _NARROW else None,
        )
        for number, place in enumerate(places[::every])
        if place < len(bars) * _WIDE
    )


def _table(bars: Sequence[TimeBar]) -> Markup:
    columns = [TableColumn("From (UTC)"), TableColumn("Kills", is_number=True)]
    columns += [TableColumn(cause, is_number=True) for cause in ORDER if _occurs(cause, bars)]
    rows = [
        [time_of(bar.start, short_moment(bar.start)), f"{bar.kills:,}"]
        + [str(dict(bar.causes).get(cause, 0)) for cause in ORDER if _occurs(cause, bars)]
        for bar in bars
        if bar.kills
    ]
    table = data_table("Kills over time", "time", columns, rows, is_caption_hidden=True)
    return element("details", element("summary", "The same as a table"), table)


def _occurs(cause: str, bars: Iterable[TimeBar]) -> bool:
    return any(each == cause for bar in bars for each, _ in bar.causes)
