"""Print what agents cost the API server: `python -m bench.scale.agents --nodes 100,500`."""

import argparse
import json
from pathlib import Path
from typing import Any

from bench.scale.agents.scenarios import Options, measure
from bench.scale.agents.table import report

Figures = dict[str, Any]


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
    options.add_argument("--compare", type=Path, help="figures of an earlier run, to show as well")
    options.add_argument("--json", type=Path, help="file for the figures")
    chosen = options.parse_args()
    only = tuple(filter(None, chosen.only.split(",")))
    what = Options(chosen.pods, chosen.policies, chosen.minutes, only, chosen.rollout)
    runs = _earlier(chosen.compare) if chosen.compare else []
    old = len(runs)

    def save(found: Figures) -> None:
        if chosen.json:
            chosen.json.write_text(json.dumps({"runs": [*runs[old:], found]}, indent=1))

    runs.extend(measure(nodes, what, save) for nodes in sorted(map(int, chosen.nodes.split(","))))
    print(report(runs))


def _earlier(path: Path) -> list[Figures]:
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
    return [{**each, "label": " before"} for each in runs]


if __name__ == "__main__":
    main()
