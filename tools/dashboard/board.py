"""The whole dashboard: figures at its head, then a row for each of three questions."""

import json
from collections.abc import Iterable

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from oomwarden.core.metrics.families.containers import OOM_KILLS
from oomwarden.core.metrics.families.process import BUILD_INFO

from tools.dashboard import agents, head, kills, programs, workloads
from tools.dashboard.drawing import SOURCE, draw, link_to
from tools.dashboard.panel_types import Panel

UID = "oomwarden"
"""Never changes, because links and bookmarks contain it."""
ALL = ".*"
ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (kills.QUESTION, kills.PANELS),
    (workloads.QUESTION, workloads.PANELS),
    (agents.QUESTION, (*agents.PANELS, *programs.PANELS)),
)
_TEXT = (
    "OOM kills on the nodes of a cluster: who was killed and why, which workload is next, and "
    "whether oomwarden itself works."
)


def dashboard_json() -> str:
    """Return the dashboard as Grafana imports it."""
    built = json.dumps(_dashboard().build(), cls=JSONEncoder, indent=2, ensure_ascii=False)
    return f"{built}\n"


def _dashboard() -> Dashboard:
    board = (
        Dashboard("OOM kills (oomwarden)")
        .uid(UID)
        .description(_TEXT)
        .tags(["oomwarden", "kubernetes", "memory"])
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(link_to("Alerts", "runbooks/README.md"))
        .link(link_to("kubectl oom", "kubectl-oom.md"))
    )
    _add_variables(board)
    _add_panels(board)
    return board


def _add_variables(board: Dashboard) -> None:
    source = DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    board.with_variable(source.current(VariableOption(text="default", value="default")))
    for name, label, values in (
        ("cluster", "Cluster", f"label_values({BUILD_INFO.name}, cluster)"),
        ("namespace", "Namespace", f"label_values({OOM_KILLS.name}, namespace)"),
        (
            "workload",
            "Workload",
            f'label_values({OOM_KILLS.name}{{namespace=~"$namespace"}}, owner_name)',
        ),
        ("node", "Node", f"label_values({BUILD_INFO.name}, node)"),
    ):
        board.with_variable(_choice(name, label, values))


def _choice(name: str, label: str, values: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": values, "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(ALL)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _add_panels(board: Dashboard) -> None:
    numbers = iter(range(1, 1000))
    _add(board, head.PANELS, numbers)
    for question, panels in ROWS:
        board.with_row(Row(question).id(next(numbers)))
        _add(board, panels, numbers)


def _add(board: Dashboard, panels: Iterable[Panel], numbers: Iterable[int]) -> None:
    for panel, number in zip(panels, numbers, strict=False):
        board.with_panel(draw(panel).id(number))
