"""What a panel of the dashboard is made of, without how Grafana draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Steps = Sequence[tuple[float | None, str]]
"""Colours of a value, each from the value beside it upwards; the first begins at None."""
PLAIN: Steps = ((None, "text"),)
GOOD_BELOW_ONE: Steps = ((None, "green"), (1, "red"))


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What all panels have.

    Attributes:
        title: What it shows, in a few words.
        about: What it means and what to do, in plain English; Grafana shows it at the (i).
        unit: Grafana's name of the unit of its values, or of most of them.
        empty: What it says where Prometheus has no data for it.
        width: In columns, of 24.
        height: In Grafana's grid units of 38 pixels.
        page: The page of the documentation that it links to, below docs/, if any.
    """

    title: str
    about: str
    unit: str
    empty: str
    width: int = 8
    height: int = 8
    page: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure(Panel):
    """One large number, or several beside their names.

    Attributes:
        query: Its query, evaluated at the end of the time range.
        legend: The name of each value; empty: only the number is shown.
        steps: The colours of the number.
    """

    query: str
    legend: str = ""
    steps: Steps = GOOD_BELOW_ONE


@dataclass(frozen=True, kw_only=True)
class Chart(Panel):
    """Values over time.

    Attributes:
        queries: By legend, which may name labels in double braces.
        bars: Whether it counts events, in stacked bars.
        steps: Lines at which values become worth a look, with their colours.
        colours: Of series with fixed names.
        top: The end of the axis; None: that of the values.
    """

    queries: Mapping[str, str]
    bars: bool = False
    steps: Steps = ()
    colours: Mapping[str, str] = field(default_factory=dict)
    top: float | None = None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table with values of a query.

    Attributes:
        query: The query, evaluated at the end of the time range; None: the values are texts.
        unit: Grafana's name of the unit.
        steps: The colours of its values.
        gauge: Whether a bar shows the value, from 0 to 1.
        width: In pixels; 0: what is left.
        hidden: Whether only the labels of the query are shown.
    """

    query: str
    unit: str = "short"
    steps: Steps = ()
    gauge: bool = False
    width: int = 0
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Table(Panel):
    """A row for each combination of labels.

    Attributes:
        labels: The column of each label, in their order.
        columns: The columns with values, by title, in their order, after those of labels.
        sort: The column that rows are sorted by, the largest first.
        ascending: Whether the smallest is first.
        widths: Of columns of labels, in pixels.
    """

    labels: Mapping[str, str]
    columns: Mapping[str, Column]
    sort: str
    ascending: bool = False
    widths: Mapping[str, int] = field(default_factory=dict)
