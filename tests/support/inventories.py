"""Changes of an inventory as the agent's own parts make them."""

from oomwarden.agent.informers.inventory import Container, Inventory


def replace_containers(inventory: Inventory, *running: Container) -> None:
    """Let all containers vanish, and these appear."""
    for container in list(inventory.containers.values()):
        inventory.remove(container.cgroup)
    for container in running:
        inventory.add(container)
