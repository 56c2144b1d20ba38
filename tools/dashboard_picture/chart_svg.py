"""A chart as SVG: lines or stacked bars over time, with axes."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import pairwise

from tools.dashboard_picture.colours import NAMED, of_line
from tools.dashboard_picture.evaluation import Json, View
from tools.dashboard_picture.frames import Line
from tools.dashboard_picture.units import written

_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 8.0, 8.0, 22.0
_MARKS = 4
_SHORT = 3600
_PIXELS_PER_TIME = 110
_NICE = (1, 2, 2.5, 3, 4, 5, 6, 8, 10)
_STEPS_OF_BINARY = 1024


@dataclass(frozen=True)
class Area:
    """Where values are in the picture.

    Attributes:
        width: Of the whole chart, in pixels.
        height: Likewise.
        view: The time range.
        top: The largest value of the axis.
    """

    width: float
    height: float
    view: View
    top: float

    def x(self, when: float) -> float:
        """Return the place of a point in time."""
        share = (when - self.view.end + self.view.seconds) / self.view.seconds
        return _LEFT + share * (self.width - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Return the place of a value."""
        return self.height - _BOTTOM - value / self.top * (self.height - _TOP - _BOTTOM)


def chart(panel: Json, lines: list[Line], size: tuple[float, float], view: View) -> str:
    """Return the chart of a panel with at least one line, of this width and height."""
    defaults = panel["fieldConfig"]["defaults"]
    bars = defaults["custom"]["drawStyle"] == "bars"
    unit = defaults["unit"]
    least = defaults["custom"].get("axisSoftMax", 0)
    mark = _mark(max(_highest(lines, stacked=bars), least) or 1.0, unit)
    top = defaults.get("max") or mark * _MARKS
    area = Area(*size, view, top)
    drawn = _bars(panel, lines, area) if bars else _lines(panel, lines, area)
    limits = "".join(_limits(panel, area))
    parts = (*_axis(area, unit), *_times(area), limits, *drawn)
    return f'<svg width="{size[0]:.0f}" height="{size[1]:.0f}">{"".join(parts)}</svg>'


def _highest(lines: list[Line], *, stacked: bool) -> float:
    sums: dict[float, float] = defaultdict(float)
    for line in lines:
        for when, value in line.points:
            if not math.isnan(value):
                sums[when] = sums[when] + value if stacked else max(sums[when], value)
    return max(sums.values(), default=0.0)


def _mark(highest: float, unit: str) -> float:
    """Return the distance between two marks of the axis, a round number."""
    base = _STEPS_OF_BINARY ** int(math.log(highest, _STEPS_OF_BINARY)) if unit == "bytes" else 1
    wanted = highest / base / _MARKS
    power: float = 10.0 ** math.floor(math.log10(wanted))
    return base * power * next(each for each in _NICE if each * power >= wanted * 0.999)


def _axis(area: Area, unit: str) -> Iterator[str]:
    for place in range(_MARKS + 1):
        value = area.top / _MARKS * place
        y = area.y(value)
        yield f'<line x1="{_LEFT}" x2="{area.width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        text = written(value, unit, area.view.end)
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'


def _times(area: Area) -> Iterator[str]:
    count = max(int((area.width - _LEFT) / _PIXELS_PER_TIME), 1)
    begin = area.view.end - area.view.seconds
    form = "%H:%M:%S" if area.view.seconds < _SHORT else "%H:%M"
    for place in range(1, count + 1):
        when = begin + area.view.seconds / (count + 1) * place
        text = datetime.fromtimestamp(when, UTC).strftime(form)
        y = area.height - 6
        yield f'<text x="{area.x(when):.1f}" y="{y:.1f}" text-anchor="middle">{text}</text>'


def _limits(panel: Json, area: Area) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    if "thresholdsStyle" not in defaults["custom"]:
        return
    for step in defaults["thresholds"]["steps"]:
        if step["value"] and step["value"] <= area.top:
            y, colour = area.y(step["value"]), NAMED[step["color"]]
            yield (
                f'<line x1="{_LEFT}" x2="{area.width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                f'style="stroke:{colour};stroke-dasharray:8 5;stroke-opacity:.8"/>'
            )


def _lines(panel: Json, lines: list[Line], area: Area) -> Iterator[str]:
    fill = panel["fieldConfig"]["defaults"]["custom"]["fillOpacity"] / 100
    for place, line in enumerate(lines):
        colour = of_line(panel, line.name, place)
        for piece in _pieces(line):
            points = " ".join(
                f"{area.x(when):.1f},{area.y(min(v, area.top)):.1f}" for when, v in piece
            )
            first, last, zero = area.x(piece[0][0]), area.x(piece[-1][0]), area.y(0)
            yield (
                f'<polygon points="{first:.1f},{zero:.1f} {points} {last:.1f},{zero:.1f}" '
                f'fill="{colour}" fill-opacity="{fill}"/>'
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            )


def _pieces(line: Line) -> Iterator[list[tuple[float, float]]]:
    """Yield the points between gaps, which are wider than the smallest distance of two points."""
    points = [each for each in line.points if not math.isnan(each[1])]
    step = min((b[0] - a[0] for a, b in pairwise(points)), default=0.0)
    piece = points[:1]
    for point in points[1:]:
        if point[0] - piece[-1][0] > 1.5 * step:
            yield piece
            piece = []
        piece.append(point)
    if piece:
        yield piece


def _bars(panel: Json, lines: list[Line], area: Area) -> Iterator[str]:
    times = sorted({when for line in lines for when, _ in line.points})
    step = min((b - a for a, b in pairwise(times)), default=1.0)
    width = max(area.x(step) - area.x(0), 2.0) * 0.8
    below: dict[float, float] = defaultdict(float)
    for place, line in enumerate(lines):
        colour = of_line(panel, line.name, place)
        for when, value in line.points:
            if not value > 0:
                continue
            base, below[when] = below[when], below[when] + value
            top, bottom = area.y(below[when]), area.y(base)
            yield (
                f'<rect x="{area.x(when) - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" '
                f'height="{bottom - top:.1f}" fill="{colour}"/>'
            )
