"""The picture of the dashboard: what Grafana would ask, and how it would show the answers."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.dashboard.board import dashboard_json
from tools.dashboard_picture.__main__ import rows_of
from tools.dashboard_picture.evaluation import Result, View, evaluate, filled, panels_of, step_of
from tools.dashboard_picture.frames import lines_of
from tools.dashboard_picture.frames import rows_of as rows_of_table
from tools.dashboard_picture.page import page
from tools.dashboard_picture.units import written

BOARD: dict[str, Any] = json.loads(dashboard_json())
PANELS = {panel["title"]: panel for panel in panels_of(BOARD)}
VIEW = View(end=21600, seconds=21600)


def series(labels: dict[str, str], *values: float) -> dict[str, Any]:
    pairs = [[60.0 * place, str(value)] for place, value in enumerate(values)]
    return {"metric": labels, "values": pairs, "value": pairs[-1]}


def test_a_bar_is_two_minutes_wide_at_least_and_no_kill_is_in_two_of_them() -> None:
    bars = PANELS["OOM kills by cause"]
    short = View(end=600, seconds=600)
    assert step_of(bars, short) == 120
    assert filled("increase(x[$__rate_interval])", short, 120) == "increase(x[150000ms])"
    assert step_of(bars, VIEW) == 216


def test_a_hurried_view_divides_what_the_dashboard_fixes() -> None:
    hurried = View(end=100, seconds=100, scrape=2, hurry=15)
    assert step_of(PANELS["OOM kills by cause"], hurried) == 8


def test_labels_of_a_replacement_stay_and_variables_are_filled() -> None:
    query = 'label_replace(x{namespace=~"$namespace"}[$__range], "a", "b $1", "c", "(.+)")'
    wanted = 'label_replace(x{namespace=~".*"}[21600000ms], "a", "b $1", "c", "(.+)")'
    assert filled(query, VIEW, 30) == wanted


def test_ranges_begin_and_end_at_whole_steps_and_tables_are_asked_at_the_end() -> None:
    asked: list[tuple[str, Mapping[str, str]]] = []

    def ask(kind: str, parameters: Mapping[str, str]) -> Result:
        asked.append((kind, parameters))
        return []

    evaluate(PANELS["OOM kills by cause"], View(end=1000, seconds=700), ask)
    evaluate(PANELS["Policies"], View(end=1000, seconds=700), ask)
    kind, parameters = asked[0]
    assert (kind, parameters["start"], parameters["end"]) == ("query_range", "240.000", "960.000")
    assert {(kind, each["time"]) for kind, each in asked[1:]} == {("query", "1000.000")}


def test_results_with_the_same_labels_share_a_row_and_rows_are_sorted() -> None:
    api = {"namespace": "shop", "pod": "api", "container": "app"}
    db = {"namespace": "shop", "pod": "db", "container": "postgres"}
    owner = {"owner_kind": "Deployment", "owner_name": "api"}
    found = {
        "A": [series(db, 3), series(api, 1)],
        "B": [series(api, 2)],
        "C": [series(api, 4), series(db, 5)],
        "D": [series(db, 0.8), series({**api, **owner}, 0.9)],
    }
    table = rows_of_table(PANELS["Containers nearest to their limits"], found)
    assert table.titles == (
        "Namespace", "Pod", "Container", "Owner", "Owner's name",
        "Usage", "Working set", "Limit", "Share of limit",
    )  # fmt: skip
    assert table.rows == (
        ("shop", "api", "app", "Deployment", "api", 1.0, 2.0, 4.0, 0.9),
        ("shop", "db", "postgres", "", "", 3.0, "", 5.0, 0.8),
    )


def test_legends_name_labels_and_lines_of_nothing_are_left_out() -> None:
    found = {"A": [series({"cause": "PodLimit"}, 0, 1), series({"cause": "Unknown"}, math.nan)]}
    (line,) = lines_of(PANELS["OOM kills by cause"], found)
    assert (line.name, line.last) == ("PodLimit", 1.0)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "short", "0"),
        (12345, "short", "12.3 K"),
        (64 << 20, "bytes", "64 MiB"),
        (1.5 * (1 << 30), "bytes", "1.5 GiB"),
        (0.9349, "percentunit", "93.5%"),
        (0, "s", "0s"),
        (0.25, "s", "250ms"),
        (59.94, "s", "59.9s"),
        (3661, "dtdurations", "1h 1m"),
        (90000, "dtdurations", "1d 1h"),
        (2.5, "cps", "2.5 c/s"),
        (960_000, "dateTimeFromNow", "a few seconds ago"),
        (700_000, "dateTimeFromNow", "5 minutes ago"),
        (-3_000_000, "dateTimeFromNow", "an hour ago"),
        (-180_000_000, "dateTimeFromNow", "2 days ago"),
    ],
)
def test_values_are_written_with_their_units(value: float, unit: str, text: str) -> None:
    assert written(value, unit, now=1000) == text


def test_an_unknown_unit_is_an_error_and_not_a_wrong_number() -> None:
    with pytest.raises(ValueError, match="the picture cannot write the unit watt"):
        written(1, "watt", 0)


def test_a_board_without_data_says_for_each_panel_that_all_is_well_or_what_is_missing() -> None:
    nothing: dict[int, dict[str, Result]] = {
        panel["id"]: {each["refId"]: [] for each in panel["targets"]} for panel in panels_of(BOARD)
    }
    text = page(BOARD, nothing, VIEW)
    assert "No OOM kills in this time range." in text
    assert text.count("<svg") == 0
    assert text.count("<section") == len(PANELS)


def test_text_of_tenants_is_never_markup() -> None:
    odd = "<b onclick=x>&"
    found = {"A": [series({"namespace": odd, "pod": odd}, 1)], "B": []}
    panel = {**PANELS["Who was killed"], "gridPos": {"x": 0, "y": 0, "w": 24, "h": 8}}
    text = page({"panels": [panel]}, {panel["id"]: found}, VIEW)
    assert "<b onclick" not in text
    assert "&lt;b onclick=x&gt;&amp;" in text


def test_each_row_of_the_board_is_a_picture_and_the_first_has_the_figures() -> None:
    parts = rows_of(BOARD)
    assert [part["panels"][0]["gridPos"]["y"] for part in parts] == [0, 0, 0]
    assert sum(len(part["panels"]) for part in parts) == len(BOARD["panels"])
    assert parts[0]["panels"][0]["type"] == "stat"


def test_the_pictures_of_the_documentation_exist_and_are_small() -> None:
    images = sorted((Path(__file__).resolve().parents[3] / "docs/images").glob("dashboard-*.png"))
    assert len(images) == len(rows_of(BOARD))
    assert all(image.stat().st_size < 300 << 10 for image in images)
