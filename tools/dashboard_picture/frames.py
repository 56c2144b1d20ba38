"""From Prometheus's results to the rows of a table and the lines of a chart, as Grafana does it."""

import math
import re
from dataclasses import dataclass, field
from typing import Any

from tools.dashboard_picture.evaluation import Json, Result

Cell = str | float


@dataclass(frozen=True)
class Line:
    """A line of a chart: its name, and a value for each point in time; NaN where it has none."""

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The last value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class Rows:
    """A table.

    Attributes:
        titles: Of the columns.
        rows: Sorted; a missing cell is an empty text.
    """

    titles: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = field(default=())


def lines_of(panel: Json, results: dict[str, Result]) -> list[Line]:
    """Return the lines of a chart, or the values of a figure as lines with one point."""
    found = []
    for target in panel["targets"]:
        for series in results[target["refId"]]:
            pairs = series.get("values") or [series["value"]]
            points = tuple((float(when), float(value)) for when, value in pairs)
            name = _legend(target.get("legendFormat", ""), series["metric"])
            if not all(math.isnan(value) for _, value in points):
                found.append(Line(name, points))
    return found


def _legend(template: str, labels: dict[str, str]) -> str:
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), template)
    return re.sub(r" {2,}", " ", text).strip()


def rows_of(panel: Json, results: dict[str, Result]) -> Rows:
    """Return a table: results with the same labels share a row, columns are named and sorted."""
    options = next(t["options"] for t in panel["transformations"] if t["id"] == "organize")
    hidden, names = options["excludeByName"], options["renameByName"]
    order = sorted(options["indexByName"], key=options["indexByName"].__getitem__)
    merged = _merged(panel["targets"], results)
    found = {name for row in merged for name in row}
    shown = [name for name in order if name in found and not hidden.get(name)]
    rows = [tuple(row.get(name, "") for name in shown) for row in merged]
    titles = tuple(names[name] for name in shown)
    return Rows(titles, _sorted(titles, rows, panel["options"]["sortBy"]))


def _merged(targets: list[Json], results: dict[str, Result]) -> list[dict[str, Cell]]:
    single = len(targets) == 1
    found = [results[target["refId"]] for target in targets]
    labels = [{name for each in one for name in each["metric"]} for one in found if one]
    shared = sorted(set.intersection(*labels)) if labels else []
    rows: dict[tuple[str, ...], dict[str, Cell]] = {}
    for target in targets:
        column = "Value" if single else f"Value #{target['refId']}"
        for each in results[target["refId"]]:
            key = tuple(each["metric"].get(name, "") for name in shared)
            rows.setdefault(key, {}).update({**each["metric"], column: float(each["value"][1])})
    return list(rows.values())


def _sorted(
    titles: tuple[str, ...], rows: list[tuple[Cell, ...]], by: list[dict[str, Any]]
) -> tuple[tuple[Cell, ...], ...]:
    (only,) = by
    if only["displayName"] not in titles:
        return tuple(rows)
    place = titles.index(only["displayName"])

    def key(row: tuple[Cell, ...]) -> tuple[float, str]:
        cell = row[place]
        return (0.0, cell) if isinstance(cell, str) else (cell, "")

    return tuple(sorted(rows, key=key, reverse=only["desc"]))
