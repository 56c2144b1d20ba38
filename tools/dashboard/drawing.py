"""From the description of a panel to Grafana's, with one style for all."""

from functools import singledispatch
from string import ascii_uppercase
from typing import TypeAlias

from grafana_foundation_sdk.builders import common as parts
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from tools.dashboard.panel_types import Chart, Column, Figure, Panel, Steps, Table

SOURCE = DataSourceRef("prometheus", "${datasource}")
DOCUMENTATION = "https://github.com/oomwarden/oomwarden/blob/main/docs"
POINTS = 100
"""Steps of a chart: few enough that a bar can be seen."""
MIN_STEP = "2m"
"""Of counted events: with scrapes of up to 40 seconds, `$__rate_interval` is then a scrape longer
than a step, and no event is in two of them."""
WHOLE_MARKS = 4
"""The least end of an axis that counts: its marks are whole numbers."""
Drawing: TypeAlias = stat.Panel | timeseries.Panel | table.Panel
_FILL, _LINE_FILL = 80.0, 10.0


def draw(panel: Panel) -> Drawing:
    """Return a panel as Grafana has it."""
    drawing = (
        _draw(panel)
        .title(panel.title)
        .description(panel.about)
        .datasource(SOURCE)
        .unit(panel.unit)
        .no_value(panel.empty)
        .span(panel.width)
        .height(panel.height)
        .max_data_points(POINTS)
    )
    return drawing.links([link_to("How to read this", panel.page)]) if panel.page else drawing


def link_to(title: str, page: str) -> DashboardLink:
    """Return a link to a page of the documentation."""
    link = DashboardLink(title).type(DashboardLinkType.LINK).url(f"{DOCUMENTATION}/{page}")
    return link.target_blank(target_blank=True).icon("doc").tooltip(title)


@singledispatch
def _draw(panel: Panel) -> Drawing:
    raise TypeError(f"{panel.title} is of no type that can be drawn")


@_draw.register
def _figure(panel: Figure) -> Drawing:
    query = _instant("A", panel.query).legend_format(panel.legend or "__auto")
    named = common.BigValueTextMode.VALUE_AND_NAME if panel.legend else common.BigValueTextMode.AUTO
    return (
        stat.Panel()
        .with_target(query)
        .thresholds(_thresholds(panel.steps))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .text_mode(named)
        .reduce_options(parts.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    )


@_draw.register
def _chart(panel: Chart) -> Drawing:
    chart = (
        timeseries.Panel()
        .min(0)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .show_points(common.VisibilityMode.NEVER)
        .legend(_legend(panel))
        .tooltip(
            parts.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
        .targets([
            _ranged(letter, query).legend_format(legend)
            for letter, (legend, query) in zip(ascii_uppercase, panel.queries.items(), strict=False)
        ])
    )  # fmt: skip
    for name, colour in panel.colours.items():
        fixed = {"mode": FieldColorModeId.FIXED.value, "fixedColor": colour}
        chart.override_by_name(name, [DynamicConfigValue("color", fixed)])
    return _with_steps(_with_style(chart, panel), panel)


def _has_many_lines(panel: Chart) -> bool:
    return any("{{instance}}" in each or "{{pod}}" in each for each in panel.queries)


def _legend(panel: Chart) -> parts.VizLegendOptions:
    long = _has_many_lines(panel)
    legend = parts.VizLegendOptions().placement(common.LegendPlacement.BOTTOM)
    mode = common.LegendDisplayMode.TABLE if long else common.LegendDisplayMode.LIST
    legend.show_legend(show_legend=True).display_mode(mode)
    if not long:
        return legend
    return legend.calcs(["lastNotNull"]).sort_by("Last *").sort_desc(sort_desc=True)


def _with_style(chart: timeseries.Panel, panel: Chart) -> timeseries.Panel:
    if panel.top is not None:
        chart.max(panel.top)
    if panel.unit == "short":
        chart.axis_soft_max(WHOLE_MARKS)
    if any("increase(" in query for query in panel.queries.values()):
        chart.interval(MIN_STEP)
    if not panel.bars:
        fill = _LINE_FILL if panel.colours else 0.0
        return chart.draw_style(common.GraphDrawStyle.LINE).fill_opacity(fill)
    stacked = parts.StackingConfig().mode(common.StackingMode.NORMAL).group("A")
    return (
        chart.draw_style(common.GraphDrawStyle.BARS)
        .fill_opacity(_FILL)
        .line_width(0)
        .stacking(stacked)
    )


def _with_steps(chart: timeseries.Panel, panel: Chart) -> timeseries.Panel:
    if not panel.steps:
        return chart
    style = parts.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED)
    return chart.thresholds(_thresholds(panel.steps)).thresholds_style(style)


@_draw.register
def _table(panel: Table) -> Drawing:
    drawing = (
        table.Panel()
        .show_header(show_header=True)
        .footer(
            parts.TableFooterOptions()
            .show(show=False)
            .reducer(["sum"])
            .count_rows(count_rows=False)
        )
        .cell_height(common.TableCellHeight.SM)
        .sort_by([parts.TableSortByFieldState().display_name(panel.sort).desc(not panel.ascending)])
    )
    values: dict[str, str] = {}
    for letter, (title, column) in zip(ascii_uppercase, panel.columns.items(), strict=False):
        drawing.with_target(_instant(letter, column.query).format(PromQueryFormat.TABLE))
        values[f"Value #{letter}" if len(panel.columns) > 1 else "Value"] = title
        drawing.override_by_name(title, _cell(column))
    for title, width in panel.widths.items():
        drawing.override_by_name(title, [DynamicConfigValue("custom.width", width)])
    if len(panel.columns) > 1:
        drawing.with_transformation(DataTransformerConfig("merge", options={}))
    return drawing.with_transformation(_organized(panel, values))


def _organized(panel: Table, values: dict[str, str]) -> DataTransformerConfig:
    hidden = [key for key, title in values.items() if panel.columns[title].hidden]
    names = {**panel.labels, **values}
    options = {
        "excludeByName": dict.fromkeys(["Time", *hidden], True),
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": names,
    }
    return DataTransformerConfig("organize", options=options)


def _cell(column: Column) -> list[DynamicConfigValue]:
    found = [DynamicConfigValue("unit", column.unit)]
    if column.steps:
        found.append(DynamicConfigValue("thresholds", _thresholds(column.steps).build()))
        kind = {"type": "gauge", "mode": "basic"} if column.gauge else {"type": "color-text"}
        found.append(DynamicConfigValue("custom.cellOptions", kind))
    if column.gauge:
        found += [DynamicConfigValue("min", 0), DynamicConfigValue("max", 1)]
    if column.width:
        found.append(DynamicConfigValue("custom.width", column.width))
    return found


def _thresholds(steps: Steps) -> ThresholdsConfig:
    made = [Threshold(value, colour) for value, colour in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


def _instant(letter: str, query: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(letter).expr(query).instant()


def _ranged(letter: str, query: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(letter).expr(query).range()
