"""Memory of agent and operator while tenants and nodes fill what they can, beside their limits.

Each figure is one process that follows an API server of its own, which answers the lists. What a
kernel and kopf take is not in it: an agent on a node, and an operator, are figures of `footprint`.
"""

import json
import subprocess
import sys
from typing import Any

from bench.figures import table
from bench.hostile_api import NODES, PODS, POLICIES

AGENT_LIMIT, OPERATOR_LIMIT = 256, 512
"""MiB, as the chart sets them."""
AGENT = (
    ("nothing", "none"),
    (f"{PODS} pods with 250 KiB of annotations each", "pods"),
    (f"{POLICIES} of the largest policies where no pod runs", "policies-elsewhere"),
    (f"the same, and {POLICIES} in a namespace with a pod here", "policies"),
)
OPERATOR = (
    (f"{NODES} nodes, each with 100 policies", "nodes"),
    ("100 nodes at their agents' bound (384 KiB)", "huge-nodes"),
    (f"{2 * POLICIES} of the largest policies", "policies"),
)


def main() -> None:
    """Measure, and print."""
    agent = [(what, measured("hostile_agent", scene)) for what, scene in AGENT]
    _print("agent", agent, AGENT_LIMIT)
    operator = [(what, measured("hostile_operator", scene)) for what, scene in OPERATOR]
    _print("operator", operator, OPERATOR_LIMIT)


def measured(program: str, scene: str) -> dict[str, Any]:
    """Run a program on a server of the scene, and give what it prints."""
    python = [sys.executable, "-m"]
    with subprocess.Popen([*python, "bench.hostile_api", scene], stdout=subprocess.PIPE) as server:
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
    rows = [(what, _beside(each, limit)) for what, each in figures]
    table(f"Resident memory of the {who}, MiB", rows)
    for what, each in figures:
        counts = {key: value for key, value in each.items() if isinstance(value, int | str)}
        print(f"  {what}: {', '.join(f'{key} {value}' for key, value in counts.items() if value)}")


def _beside(found: dict[str, Any], limit: int) -> str:
    peak: float = found["peak"]
    return f"{found['held']:.0f}, peak {peak:.0f}: {limit - peak:.0f} below {limit}"


if __name__ == "__main__":
    main()
