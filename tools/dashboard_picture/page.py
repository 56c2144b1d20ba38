"""The dashboard as a page of HTML."""

import math
from html import escape

from tools.dashboard_picture.chart_svg import chart
from tools.dashboard_picture.colours import of_line, of_value
from tools.dashboard_picture.evaluation import Json, Result, View
from tools.dashboard_picture.frames import Cell, Line, lines_of, rows_of
from tools.dashboard_picture.units import written

WIDTH = 1600
_ROW, _GAP = 38.0, 8.0
_COLUMN = (WIDTH - _GAP) / 24
_HEAD, _LEGEND_LINE, _LEGEND_MARK, _LETTER = 34.0, 20.0, 40.0, 6.0
MAX_LINES_OF_LEGEND = 4
Results = dict[int, dict[str, Result]]
_STYLE = """
body { margin: 0; overflow: hidden; background: #F4F5F5; color: #24292E; }
body { font: 13px/1.4 Arial, sans-serif; }
main { position: relative; }
section, h2 { position: absolute; box-sizing: border-box; margin: 0; }
section { background: #fff; border: 1px solid #E4E7EB; overflow: hidden; }
h2 { font-size: 17px; font-weight: 500; padding: 8px 4px; }
h2::before { content: ""; display: inline-block; margin: 0 8px 3px 2px; color: #6E7681; }
h2::before { border: 5px solid transparent; border-top-color: #6E7681; border-bottom: 0; }
h3 { font-size: 13px; font-weight: 500; margin: 0; padding: 7px 10px; height: 20px; }
table { border-collapse: collapse; width: 100%; font-size: 12.5px; }
th { text-align: left; color: #3274D9; font-weight: 500; }
th, td { padding: 4px 10px; border-bottom: 1px solid #EEF0F2; white-space: nowrap; }
.number { text-align: right; }
.gauge { display: inline-block; width: 110px; height: 10px; background: #EEF0F2; }
.gauge { margin-right: 8px; }
.gauge b { display: block; height: 10px; }
.empty { color: #6E7681; text-align: center; padding-top: 40px; }
.figures { display: flex; justify-content: space-evenly; align-items: center; text-align: center; }
.figures div { font-size: 34px; line-height: 1.1; }
.figures small { display: block; font-size: 13px; color: #24292E; }
.legend { line-height: 20px; padding: 2px 12px 0; font-size: 11.5px; color: #464C54; }
.legend span { margin-right: 14px; white-space: nowrap; }
.legend i { display: inline-block; width: 14px; height: 4px; }
.legend i { margin: 0 6px 3px 0; }
.legend p { margin: 0; height: 20px; display: flex; justify-content: space-between; }
svg { display: block; } svg line { stroke: #E9EBEE; } svg text { font-size: 11px; fill: #6E7681; }
"""


def page(dashboard: Json, results: Results, view: View) -> str:
    """Return the page of all panels.

    Args:
        dashboard: The dashboard's JSON.
        results: Of each panel by its id, the results of its queries by refId.
        view: The time range and the intervals that the queries were asked with.
    """
    body = [_panel(panel, results, view) for panel in dashboard["panels"]]
    style = f"{_STYLE} body {{ width: {WIDTH}px; }}"
    main = f'<main style="height: {height_of(dashboard)}px">{"".join(body)}</main>'
    return f"<!doctype html><meta charset=utf-8><style>{style}</style><body>{main}</body>"


def height_of(dashboard: Json) -> int:
    """Return the height of the page in pixels."""
    bottom = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in dashboard["panels"])
    return int(bottom * _ROW + _GAP)


def _place(panel: Json) -> tuple[float, float, float, float]:
    grid = panel["gridPos"]
    width, height = grid["w"] * _COLUMN - _GAP, grid["h"] * _ROW - _GAP
    return grid["x"] * _COLUMN + _GAP, grid["y"] * _ROW + _GAP, width, height


def _panel(panel: Json, results: Results, view: View) -> str:
    left, top, width, height = _place(panel)
    where = f"left:{left:.0f}px;top:{top:.0f}px;width:{width:.0f}px;height:{height:.0f}px"
    title = escape(panel["title"])
    if panel["type"] == "row":
        return f'<h2 style="{where}">{title}</h2>'
    shown = _content(panel, results[panel["id"]], (width, height), view)
    if not shown:
        empty = panel["fieldConfig"]["defaults"]["noValue"]
        shown = f'<p class="empty">{escape(empty)}</p>'
    return f'<section style="{where}"><h3>{title}</h3>{shown}</section>'


def _content(panel: Json, found: dict[str, Result], size: tuple[float, float], view: View) -> str:
    """Return what is below the title; empty if there are no data."""
    match panel["type"]:
        case "stat":
            return _figures(panel, lines_of(panel, found), size, view)
        case "table":
            return _table(panel, found, view)
        case "timeseries":
            return _chart(panel, lines_of(panel, found), size, view)
    raise ValueError(f"the picture has no panels of type {panel['type']}")


def _figures(panel: Json, lines: list[Line], size: tuple[float, float], view: View) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    named = panel["options"]["textMode"] == "value_and_name"
    shown = [
        f'<div style="color: {of_value(defaults["thresholds"]["steps"], line.last)}">'
        f"{f'<small>{escape(line.name)}</small>' if named else ''}"
        f"{escape(written(line.last, defaults['unit'], view.end))}</div>"
        for line in lines
    ]
    if not shown:
        colour = of_value(defaults["thresholds"]["steps"], 0)
        shown = [f'<div style="color: {colour}">{escape(defaults["noValue"])}</div>']
    height = size[1] - _HEAD
    way = "column" if named else "row"
    return (
        f'<div class="figures" style="height:{height:.0f}px;flex-direction:{way}">'
        f"{''.join(shown)}</div>"
    )


def _table(panel: Json, found: dict[str, Result], view: View) -> str:
    table = rows_of(panel, found)
    if not table.rows:
        return ""
    styles = {
        override["matcher"]["options"]: {
            each["id"]: each["value"] for each in override["properties"]
        }
        for override in panel["fieldConfig"]["overrides"]
    }
    numbers = [
        any(isinstance(c, float) for c in column) for column in zip(*table.rows, strict=True)
    ]
    head = "".join(
        f'<th class="{"number" if number else ""}">{escape(title)}</th>'
        for title, number in zip(table.titles, numbers, strict=True)
    )
    rows = "".join(_row(table.titles, row, styles, view) for row in table.rows)
    return f"<table><tr>{head}</tr>{rows}</table>"


def _row(titles: tuple[str, ...], row: tuple[Cell, ...], styles: Json, view: View) -> str:
    cells = (
        _cell(cell, styles.get(title, {}), view) for title, cell in zip(titles, row, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _cell(cell: Cell, style: Json, view: View) -> str:
    if isinstance(cell, str):
        return f"<td>{escape(cell)}</td>"
    text = escape(written(cell, style.get("unit", "short"), view.end))
    steps = style.get("thresholds", {}).get("steps", [])
    colour = of_value(steps, cell)
    if style.get("custom.cellOptions", {}).get("type") == "gauge":
        share = min(max(cell, 0), 1) * 100
        bar = f'<b style="width:{share:.0f}%;background:{colour}"></b>'
        text = f'<span class="gauge">{bar}</span>{text}'
    return f'<td class="number" style="color:{colour}">{text}</td>'


def _chart(panel: Json, lines: list[Line], size: tuple[float, float], view: View) -> str:
    if not lines:
        return ""
    width, height = size
    as_table = panel["options"]["legend"]["displayMode"] == "table"
    shown = lines[:MAX_LINES_OF_LEGEND] if as_table else lines
    used = sum(len(each.name) * _LETTER + _LEGEND_MARK for each in lines)
    rows = len(shown) if as_table else math.ceil(used / (width - _LEGEND_MARK))
    legend = rows * _LEGEND_LINE + 6
    drawn = chart(panel, lines, (width - 2, height - _HEAD - legend - 4), view)
    names = [_name(panel, line, place, view) for place, line in enumerate(shown)]
    return f'{drawn}<div class="legend" style="height:{legend:.0f}px">{"".join(names)}</div>'


def _name(panel: Json, line: Line, place: int, view: View) -> str:
    mark = f'<i style="background:{of_line(panel, line.name, place)}"></i>{escape(line.name)}'
    if panel["options"]["legend"]["displayMode"] != "table":
        return f"<span>{mark}</span>"
    value = written(line.last, panel["fieldConfig"]["defaults"]["unit"], view.end)
    return f"<p><span>{mark}</span><b>{escape('' if math.isnan(line.last) else value)}</b></p>"
