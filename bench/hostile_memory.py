"""Memory of agent and operator while tenants and nodes write all they can, and their limits.

Each figure is one process that watches its own API server. The memory that kernel files and kopf
need is not included; `footprint` measures an agent on a real node.
"""

import json
import subprocess
import sys
from typing import Any

from bench.figures import table
from bench.hostile_api import NODES, PODS, POLICIES

AGENT_LIMIT, OPERATOR_LIMIT = 256, 512
"""Memory limits of the chart, in MiB."""
AGENT = (
    ("nothing stored", "none"),
    (f"{PODS} pods with 250 KiB of annotations each", "pods"),
    (f"{POLICIES} of the largest policies in a namespace without pods here", "policies-elsewhere"),
    (f"the same, and {POLICIES} in a namespace with a pod here", "policies"),
)
OPERATOR = (
    (f"{NODES} nodes, each with 100 policies", "nodes"),
    ("the same, with three refusals of each policy, each with its own text", "refusing-nodes"),
    ("100 OOMNodes of the largest size that agents write (384 KiB)", "huge-nodes"),
    (f"{2 * POLICIES} of the largest policies", "policies"),
)


def main() -> None:
    """Measure both programs, and print the tables."""
    agent = [(what, measured("hostile_agent", scenario)) for what, scenario in AGENT]
    _print("agent", agent, AGENT_LIMIT)
    operator = [(what, measured("hostile_operator", scenario)) for what, scenario in OPERATOR]
    _print("operator", operator, OPERATOR_LIMIT)


def measured(program: str, scenario: str) -> dict[str, Any]:
    """Run a program against a server with the scenario, and return what it prints."""
    python = [sys.executable, "-m"]
    with subprocess.Popen(
        [*python, "bench.hostile_api", scenario], stdout=subprocess.PIPE
    ) as server:
        try:
            port = server.stdout.readline().decode().strip() if server.stdout else ""
            done = subprocess.run(
                [*python, f"bench.{program}", port], check=True, capture_output=True, text=True
            )
        finally:
            server.terminate()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _print(who: str, figures: list[tuple[str, dict[str, Any]]], limit: int) -> None:
    rows = [(what, _describe(each, limit)) for what, each in figures]
    table(f"Resident memory of the {who}, MiB (limit {limit})", rows)
    for what, each in figures:
        counts = {key: value for key, value in each.items() if isinstance(value, int | str)}
        print(f"  {what}: {', '.join(f'{key} {value}' for key, value in counts.items() if value)}")


def _describe(found: dict[str, Any], limit: int) -> str:
    peak: float = found["peak"]
    return f"{found['held']:.0f}, peak {peak:.0f}: {limit - peak:.0f} below the limit"


if __name__ == "__main__":
    main()
