"""Tables of figures, one column for each number of nodes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.scale.agents.sums import flatness

Figures = dict[str, Any]
Row = tuple[str, Callable[[Mapping[str, Any]], float]]
_KIBI = 1024.0
_LARGE, _SMALL = 100.0, 10.0
QUIET = "quiet"
COMMON: tuple[Row, ...] = (
    ("requests", lambda f: f["requests"]),
    ("KiB received", lambda f: f["received_bytes"] / _KIBI),
    ("KiB sent", lambda f: f["sent_bytes"] / _KIBI),
    ("CPU of the API server, ms", lambda f: f["server_cpu_ms"]),
    ("CPU of etcd, ms", lambda f: f["etcd_cpu_ms"]),
)
OF_FLEET: tuple[Row, ...] = (
    ("all nodes: seconds until done", lambda f: f["seconds"]),
    ("all nodes: seconds with 90 % of the requests", lambda f: f.get("spread_seconds", 0)),
    ("all nodes: most requests in a second", lambda f: f["peak_requests_a_second"]),
    ("all nodes: slowest response, s", lambda f: f["slowest_response_seconds"]),
)
WATCHING: tuple[Row, ...] = (
    ("watches", lambda f: f["watches"]),
    ("connections", lambda f: f["open_connections"]),
)


def table(runs: Sequence[Mapping[str, Any]], scenario: str) -> str:
    """Return a scenario's table.

    Args:
        runs: The results of runs with different numbers of nodes, smallest first.
        scenario: The scenario's key in the results.
    """
    shown = [run for run in runs if scenario in run["scenarios"]]
    found = [run["scenarios"][scenario] for run in shown]
    if not found:
        return ""
    rows = [*_rows(scenario), *_refusals(found), *_of_names(found)]
    unit = "per node and minute" if scenario == QUIET else "per node"
    unit += " with kills" if scenario.startswith("storm") else ""
    head = [
        f"{scenario}, {unit}",
        *(f"{run['nodes']} nodes{run.get('label', '')}" for run in shown),
    ]
    head += ["greatest/least"] if len(found) > 1 else []
    return aligned([head, *([name, *_cells([value(f) for f in found])] for name, value in rows)])


def report(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the tables of all scenarios that have run."""
    names = dict.fromkeys(name for run in runs for name in run["scenarios"])
    return "\n\n".join(table(runs, name) for name in names)


def flat(run: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of one run as one mapping, by scenario and row."""
    return {
        f"{scenario}: {name}": float(value(found))
        for scenario, found in run["scenarios"].items()
        for name, value in _rows(scenario)
    }


def _rows(scenario: str) -> tuple[Row, ...]:
    return (*WATCHING, *COMMON) if scenario == QUIET else (*OF_FLEET, *COMMON)


def _refusals(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    codes = sorted({code for each in found for code in each["refused"]})
    return [(f"answered {code}", _refused(code)) for code in codes]


def _refused(code: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda figures: float(figures["refused"].get(code, 0)) / float(figures["nodes"])


def _of_names(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    names = sorted({name for each in found for name in each["requests_by_name"]})
    return [(f"  {name}", _by_name(name)) for name in names]


def _by_name(name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda figures: float(figures["requests_by_name"].get(name, 0.0))


def _cells(values: Sequence[float]) -> list[str]:
    return [*map(number, values), *([f"{flatness(values):.2f}"] if len(values) > 1 else [])]


def number(value: float) -> str:
    """Return a number with as many digits as it needs."""
    if value >= _LARGE:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= _SMALL else f"{value:.2f}"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells in columns: the first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
