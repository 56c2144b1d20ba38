"""The Grafana dashboard: what Grafana requires of it, and that its queries can have an answer."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from oomwarden.core.metrics.families.containers import CONTAINER_FAMILIES
from oomwarden.core.metrics.families.nodes import (
    DETECTION_FAMILIES,
    ENFORCEMENT_FAMILIES,
    LEDGER_FAMILIES,
)
from oomwarden.core.metrics.families.operator import OPERATOR_FAMILIES
from oomwarden.core.metrics.families.process import PROCESS_FAMILIES
from oomwarden.core.metrics.family import Family, MetricType

from e2e.lab import prometheus
from tools.dashboard.board import dashboard_json
from tools.dashboard_picture.evaluation import View, filled, panels_of, queries_of
from tools.dashboard_picture.units import written

BOARD: dict[str, Any] = json.loads(dashboard_json())
PANELS = panels_of(BOARD)
FAMILIES: dict[str, Family] = {
    each.name: each
    for families in (
        CONTAINER_FAMILIES,
        LEDGER_FAMILIES,
        ENFORCEMENT_FAMILIES,
        DETECTION_FAMILIES,
        OPERATOR_FAMILIES,
        PROCESS_FAMILIES,
    )
    for each in families
}
OF_PROMETHEUS = {"ALERTS": ("alertname", "alertstate", "severity")}
OF_TARGETS = {"cluster", "job", "instance", "node"}
"""Labels that Prometheus adds to what it scrapes."""
OWN = {"command"}
"""Labels that a query makes."""
SELECTOR = re.compile(r"\b(oomwarden_\w+|process_\w+|ALERTS)\b(?:\{([^}]*)\})?")


def titles(panels: list[dict[str, Any]]) -> list[str]:
    return [panel["title"] for panel in panels]


def family_of(name: str) -> Family | None:
    return FAMILIES.get(name) or FAMILIES.get(re.sub(r"_(bucket|sum|count)$", "", name))


def test_the_board_keeps_the_identity_that_links_and_bookmarks_have() -> None:
    assert (BOARD["uid"], BOARD["title"]) == ("oomwarden", "OOM kills (oomwarden)")
    assert "id" not in BOARD, "Grafana numbers boards itself"


def test_the_same_code_makes_the_same_json() -> None:
    assert dashboard_json() == dashboard_json()


def test_the_sdk_s_models_of_grafana_read_every_field_of_the_json() -> None:
    register_default_plugins()
    read = json.dumps(Dashboard.from_json(BOARD), cls=JSONEncoder)
    assert json.loads(read) == BOARD


def test_three_people_find_their_question_as_a_row() -> None:
    assert titles([panel for panel in BOARD["panels"] if panel["type"] == "row"]) == [
        "Who was killed, and why?",
        "Which workload is next?",
        "Does oomwarden itself work?",
    ]


def test_each_panel_has_its_own_title_and_number() -> None:
    assert len(set(titles(PANELS))) == len(PANELS) > 30
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


@pytest.mark.parametrize("panel", PANELS, ids=titles(PANELS))
def test_a_panel_explains_itself_and_its_empty_state_and_has_a_unit(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["description"].endswith(".")
    assert len(panel["description"]) > 50
    assert defaults["noValue"]
    assert written(1, defaults["unit"], 0)
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_panels_fill_their_rows_and_do_not_overlap() -> None:
    taken = [
        (grid["x"] + x, grid["y"] + y)
        for grid in (panel["gridPos"] for panel in BOARD["panels"])
        for x in range(grid["w"])
        for y in range(grid["h"])
    ]
    assert len(taken) == len(set(taken))
    height = max(y for _, y in taken) + 1
    assert len(taken) == 24 * height


@pytest.mark.parametrize("query", sorted(set(queries_of(BOARD))))
def test_a_query_uses_metrics_of_the_contract_and_their_labels(query: str) -> None:
    found = SELECTOR.findall(query)
    assert found
    labels: set[str] = set()
    for name, conditions in found:
        family = family_of(name)
        own = set(family.labels if family else OF_PROMETHEUS[name])
        asked = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", conditions))
        assert asked <= own | OF_TARGETS, name
        labels |= own
    lists = re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", query)
    grouped = {each.strip() for one in lists for each in one.split(",")} - {""}
    assert grouped <= labels | OF_TARGETS | OWN | {"le"}


def test_every_query_parses(tmp_path: Path) -> None:
    view = View(end=0, seconds=21600)
    rules = [
        {"record": f"panel:{place}", "expr": filled(query, view, 216)}
        for place, query in enumerate(queries_of(BOARD))
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    check = (str(prometheus.build().promtool), "check", "rules", str(path))
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(rules)} rules found" in done.stdout


def test_every_metric_of_the_contract_has_a_panel() -> None:
    used = {name for query in queries_of(BOARD) for name, _ in SELECTOR.findall(query)}
    families = {family.name for name in used if (family := family_of(name))}
    assert families == set(FAMILIES)


@pytest.mark.parametrize("query", sorted(set(queries_of(BOARD))))
def test_counters_are_never_shown_raw_and_gauges_never_as_counters(query: str) -> None:
    for name, _ in SELECTOR.findall(query):
        family = family_of(name)
        if family is None or "and on" in query.partition(name)[0][-60:]:
            continue
        counted = re.search(rf"(increase|rate)\({name}(_bucket)?\{{[^}}]*\}}\[", query)
        if family.type is MetricType.GAUGE:
            assert not counted
        elif "max by (cluster, namespace, pod, container, owner_kind" not in query:
            assert counted, name


def test_links_of_panels_and_board_lead_to_pages_of_the_documentation() -> None:
    links = [link["url"] for each in (BOARD, *PANELS) for link in each.get("links", [])]
    pages = {link.partition("/blob/main/")[2].partition("#")[0] for link in links}
    assert len(pages) > 2
    root = Path(__file__).resolve().parents[3]
    assert [page for page in sorted(pages) if not (root / page).is_file()] == []
