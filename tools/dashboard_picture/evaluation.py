"""What Grafana asks Prometheus for a panel: variables, intervals, and the queries themselves."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Result = list[Json]
"""`data.result` of Prometheus's answer."""
Ask = Callable[[str, Mapping[str, str]], Result]
"""Calls `/api/v1/query` or `/api/v1/query_range` with parameters and returns the result."""
_ALL = ".*"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATE_SCRAPES = 4
"""`$__rate_interval` is this many scrapes at least (Grafana, Prometheus data source)."""


@dataclass(frozen=True)
class View:
    """What is looked at.

    Attributes:
        end: The end of the time range, in Unix time.
        seconds: The length of the time range.
        scrape: Seconds between two scrapes.
        hurry: How many times faster than usual Prometheus scrapes: durations that are fixed in the
            dashboard are divided by it.
    """

    end: float
    seconds: int
    scrape: float = 30.0
    hurry: float = 1.0


def panels_of(dashboard: Json) -> list[Json]:
    """Return all panels but rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries_of(dashboard: Json) -> list[str]:
    """Return the queries of all panels."""
    return [target["expr"] for panel in panels_of(dashboard) for target in panel["targets"]]


def step_of(panel: Json, view: View) -> float:
    """Return the step of a panel's charts in seconds, as Grafana chooses it."""
    fixed = seconds(panel["interval"]) / view.hurry if "interval" in panel else 0.0
    return max(view.seconds / float(panel["maxDataPoints"]), view.scrape, fixed)


def seconds(duration: str) -> int:
    """Return the seconds of a duration such as 2m."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


def filled(query: str, view: View, step: float) -> str:
    """Return a query with the values of Grafana's variables, with everything chosen."""
    values = {
        "__rate_interval": _duration(max(step + view.scrape, _RATE_SCRAPES * view.scrape)),
        "__range": _duration(view.seconds),
        "__interval": _duration(step),
        "cluster": _ALL,
        "namespace": _ALL,
        "workload": _ALL,
        "node": _ALL,
    }
    return re.sub(r"\$([a-z_]\w*)", lambda found: values[found[1]], query)


def _duration(length: float) -> str:
    return f"{round(length * 1000)}ms"


def evaluate(panel: Json, view: View, ask: Ask) -> dict[str, Result]:
    """Return the results of a panel's queries by refId."""
    step = step_of(panel, view)
    return {each["refId"]: _result(each, view, step, ask) for each in panel["targets"]}


def _result(target: Json, view: View, step: float, ask: Ask) -> Result:
    query = filled(target["expr"], view, step)
    if target["instant"]:
        return ask("query", {"query": query, "time": f"{view.end:.3f}"})
    # Grafana aligns the range with the step, so that bars do not move at each refresh.
    first, last = ((view.end - back) // step * step for back in (view.seconds, 0))
    span = {"start": f"{first:.3f}", "end": f"{last:.3f}", "step": f"{step:.3f}"}
    return ask("query_range", {"query": query, **span})
