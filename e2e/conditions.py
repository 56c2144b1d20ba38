"""Reads conditions from an object's status."""

from typing import Any

from e2e.world import World


def conditions(found: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return an object's conditions by type; empty if it has no status yet."""
    return {each["type"]: each for each in found.get("status", {}).get("conditions", [])}


def ready(world: World, namespace: str, name: str, **counts: int) -> dict[str, object]:
    """Return the policy's status if it is Ready and has these counts, otherwise an empty dict."""
    found = world.policy(namespace, name)
    status: dict[str, object] = found.get("status", {})
    same = all(status.get(key) == value for key, value in counts.items())
    is_ready = conditions(found).get("Ready", {}).get("status") == "True"
    return status if same and is_ready else {}
