"""What a status says: its conditions by type, and whether a policy is Ready."""

from typing import Any

from e2e.world import World


def conditions(found: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Give an object's conditions by type; none where it has no status yet."""
    return {each["type"]: each for each in found.get("status", {}).get("conditions", [])}


def ready(world: World, namespace: str, name: str, **counts: int) -> dict[str, object]:
    """The policy is Ready with these counts."""
    found = world.policy(namespace, name)
    status: dict[str, object] = found.get("status", {})
    same = all(status.get(key) == value for key, value in counts.items())
    is_ready = conditions(found).get("Ready", {}).get("status") == "True"
    return status if same and is_ready else {}
