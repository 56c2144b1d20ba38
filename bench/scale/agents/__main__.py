"""Print what agents cost the API server: `python -m bench.scale.agents --nodes 100,500`."""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from bench.scale.agents import scenarios
from bench.scale.agents.cluster import create_cluster, create_tokens
from bench.scale.agents.players import players
from bench.scale.agents.scenarios import Fleet
from bench.scale.agents.table import table
from bench.scale.api import Api
from bench.scale.control_plane import control_plane

Figures = dict[str, Any]


def measure(nodes: int, pods: int, policies: int, minutes: float) -> Figures:
    """Return the figures of a fleet.

    Args:
        nodes: Number of nodes.
        pods: Number of pods of each node.
        policies: Number of OOMPolicies.
        minutes: How long nothing happens.
    """
    with control_plane() as plane:
        api = Api(plane)
        _say(f"{nodes} nodes with {pods} pods each are created")
        create_cluster(api, nodes, pods, policies)
        tokens = create_tokens(api, nodes, plane.folder / "node-tokens")
        with players(plane, tokens) as started:
            fleet = Fleet(plane, api, started, nodes)
            try:
                found = _play(fleet, nodes, minutes)
            except Exception:
                for log in sorted(plane.folder.glob("player-*.log")):
                    print(log.read_text()[-3000:])
                raise
        api.close()
    return {"nodes": nodes, "pods": pods, "policies": policies, "load": os.getloadavg(), **found}


def _play(fleet: Fleet, nodes: int, minutes: float) -> Figures:
    idle = fleet.idle()
    many = min(scenarios.STORM_NODES, nodes)
    steps = {
        "first start": lambda: fleet.start(is_new=True),
        "quiet": lambda: fleet.quiet(minutes),
        "policy change": fleet.policy_change,
        "storm on one node": lambda: fleet.storm(1, scenarios.ONE_NODE_KILLS, 1.0),
        "storm on many nodes": lambda: fleet.storm(
            many, scenarios.STORM_KILLS, scenarios.STORM_SECONDS
        ),
        "restart of all agents": fleet.restart_agents,
        "restart of the API server": fleet.restart_api_server,
    }
    found = {}
    for name, step in steps.items():
        if name in {"quiet", "restart of the API server"}:
            fleet.settle()
        _say(name)
        found[name] = step()
    return {"idle": idle, "scenarios": found}


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


def main() -> None:
    """Measure, print tables, and write the figures to a file."""
    options = argparse.ArgumentParser(prog="bench.scale.agents", description=__doc__)
    options.add_argument("--nodes", default="100", help="numbers of nodes, such as 100,500,2000")
    options.add_argument("--pods", type=int, default=10, help="pods of each node")
    options.add_argument("--policies", type=int, default=20, help="OOMPolicies in 20 namespaces")
    options.add_argument("--minutes", type=float, default=5.0, help="how long nothing happens")
    options.add_argument("--json", type=Path, help="file for the figures")
    chosen = options.parse_args()
    runs = []
    for nodes in sorted(map(int, chosen.nodes.split(","))):
        runs.append(measure(nodes, chosen.pods, chosen.policies, chosen.minutes))
        if chosen.json:
            chosen.json.write_text(json.dumps({"runs": runs}, indent=1))
    for name in runs[0]["scenarios"]:
        print(table(runs, name), end="\n\n")


if __name__ == "__main__":
    main()
