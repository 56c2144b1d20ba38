"""The log of the product, read as Loki and others read it."""

import json
from typing import Any

from e2e.world import NAMESPACE, World


def log_lines(world: World, workload: str) -> list[dict[str, Any]]:
    """Return the lines of an agent or the operator, all of which must be JSON objects.

    Args:
        world: The cluster.
        workload: `ds/oomwarden-agent` or `deploy/oomwarden-operator`.
    """
    text = world.cluster.kubectl("logs", "-n", NAMESPACE, workload)
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines, f"{workload} has logged nothing"
    for line in lines:
        assert isinstance(line["message"], str), line
        assert line["time"].endswith("Z"), line
        assert line["level"] in {"debug", "info", "warning", "error", "critical"}, line
    return lines
