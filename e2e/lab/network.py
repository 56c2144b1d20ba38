"""The instance's network: a namespace with a bridge, on it the control plane and the node."""

from collections.abc import Sequence

from e2e.lab.errors import LabError
from e2e.lab.instance import Instance
from e2e.lab.shell import run


def create(instance: Instance, node: Sequence[str] = ()) -> None:
    """Makes a new namespace; whatever an interrupted run left of the old one is removed first.

    Args:
        instance: Whose network it is.
        node: The `ip` commands that connect the node's machine to the bridge `br0`.

    Raises:
        LabError: Processes that are not the instance's live in it.
    """
    remove(instance)
    if exists(instance):
        raise LabError(
            f"Network namespace {instance.namespace} is in use: end what `ip netns pids"
            f" {instance.namespace}` names, or take another --name."
        )
    run("ip", "netns", "add", instance.namespace)
    for command in (
        "link set lo up",
        "link add br0 type bridge",
        f"addr add {instance.host_ip}/24 dev br0",
        "link set br0 up",
        *node,
    ):
        run("ip", "-netns", instance.namespace, *command.split())


def remove(instance: Instance) -> None:
    """Removes the namespace with all its devices, unless somebody's processes live in it."""
    if exists(instance) and not run("ip", "netns", "pids", instance.namespace).strip():
        run("ip", "netns", "delete", instance.namespace)


def exists(instance: Instance) -> bool:
    """Tells whether there is a namespace of that name."""
    listed = run("ip", "netns", "list").splitlines()
    return instance.namespace in {line.split()[0] for line in listed if line}
