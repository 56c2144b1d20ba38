"""Print what agents cost the API server: `python -m bench.scale.agents --nodes 100,500`."""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bench.scale.agents import scenarios
from bench.scale.agents.cluster import create_cluster, create_tokens
from bench.scale.agents.players import players
from bench.scale.agents.scenarios import Fleet
from bench.scale.agents.table import report
from bench.scale.api import Api
from bench.scale.control_plane import control_plane

Figures = dict[str, Any]
SETTLED = ("quiet", "restart of the API server")
"""Before these, a start must be over."""


class Options(NamedTuple):
    """What is measured.

    Attributes:
        pods: Number of pods of each node.
        policies: Number of OOMPolicies.
        minutes: How long nothing happens.
        only: The scenarios; empty for all.
        rollout: Seconds over which agents start for the first time; 0 for the same moment.
    """

    pods: int = 10
    policies: int = 20
    minutes: float = 5.0
    only: tuple[str, ...] = ()
    rollout: float = 0.0


def measure(nodes: int, options: Options, save: Callable[[Figures], None]) -> Figures:
    """Return the figures of a fleet.

    Args:
        nodes: Number of nodes.
        options: What is measured.
        save: Called with the figures after each scenario.
    """
    with control_plane() as plane, contextlib.closing(Api(plane)) as api:
        _say(f"{nodes} nodes with {options.pods} pods each are created")
        create_cluster(api, nodes, options.pods, options.policies)
        tokens = create_tokens(api, nodes, plane.folder / "node-tokens")
        found: Figures = {"nodes": nodes, "pods": options.pods, "policies": options.policies,
                          "scenarios": {}}  # fmt: skip
        with players(plane, tokens) as started:
            fleet = Fleet(plane, api, started, nodes)
            found["idle"] = fleet.idle()
            for name, step in _steps(fleet, nodes, options).items():
                if name in SETTLED:
                    fleet.settle()
                _say(name)
                found["scenarios"][name] = step() | {"load": os.getloadavg()[1]}
                save(found)
    return found


def _steps(fleet: Fleet, nodes: int, options: Options) -> dict[str, Callable[[], Figures]]:
    many = min(scenarios.STORM_NODES, nodes)
    steps: dict[str, Callable[[], Figures]] = {
        "first start": lambda: fleet.start(options.rollout, is_new=True),
        "quiet": lambda: fleet.quiet(options.minutes),
        "policy change": fleet.policy_change,
        "storm on one node": lambda: fleet.storm(1, scenarios.ONE_NODE_KILLS, 1.0),
        "restart of the API server": fleet.restart_api_server,
        "restart of all agents": fleet.restart_agents,
        "storm on many nodes": lambda: fleet.storm(
            many, scenarios.STORM_KILLS, scenarios.STORM_SECONDS
        ),
    }
    chosen = {name: step for name, step in steps.items() if name in options.only}
    return {"first start": steps["first start"]} | chosen if options.only else steps


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print tables, and write the figures to a file."""
    options = argparse.ArgumentParser(prog="bench.scale.agents", description=__doc__)
    options.add_argument("--nodes", default="100", help="numbers of nodes, such as 100,500,2000")
    options.add_argument("--pods", type=int, default=10, help="pods of each node")
    options.add_argument("--policies", type=int, default=20, help="OOMPolicies in 20 namespaces")
    options.add_argument("--minutes", type=float, default=5.0, help="how long nothing happens")
    options.add_argument("--only", default="", help="scenarios, such as 'quiet,policy change'")
    options.add_argument(
        "--rollout", type=float, default=0.0,
        help="seconds over which agents start for the first time; by default the same moment",
    )  # fmt: skip
    options.add_argument("--json", type=Path, help="file for the figures")
    chosen = options.parse_args()
    only = tuple(filter(None, chosen.only.split(",")))
    what = Options(chosen.pods, chosen.policies, chosen.minutes, only, chosen.rollout)
    runs: list[Figures] = []

    def save(found: Figures) -> None:
        if chosen.json:
            chosen.json.write_text(json.dumps({"runs": [*runs, found]}, indent=1))

    runs.extend(measure(nodes, what, save) for nodes in sorted(map(int, chosen.nodes.split(","))))
    print(report(runs))


if __name__ == "__main__":
    main()
