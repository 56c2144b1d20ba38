"""The instance's network: a namespace with a bridge for the control plane and the node."""

from collections.abc import Sequence

from e2e.lab.errors import LabError
from e2e.lab.instance import Instance
from e2e.lab.shell import run

POD_NETWORK = "10.244.1.0/24"
"""As in rootfs/etc/cni/net.d/10-lab.conflist."""


def create(instance: Instance, node: Sequence[str] = ()) -> None:
    """Create a new namespace, after removing leftovers of an interrupted run.

    Args:
        instance: The instance that the network belongs to.
        node: The `ip` commands that connect the node's machine to the bridge `br0`.

    Raises:
        LabError: Processes that do not belong to the instance run in it.
    """
    remove(instance)
    if exists(instance):
        raise LabError(
            f"Network namespace {instance.namespace} is in use: stop the processes that"
            f" `ip netns pids {instance.namespace}` lists, or use another --name."
        )
    run("ip", "netns", "add", instance.namespace)
    for command in (
        "link set lo up",
        "link add br0 type bridge",
        f"addr add {instance.host_ip}/24 dev br0",
        "link set br0 up",
        # The API server's proxy reaches pods, as it does in most clusters.
        f"route add {POD_NETWORK} via {instance.node_ip}",
        *node,
    ):
        run("ip", "-netns", instance.namespace, *command.split())


def remove(instance: Instance) -> None:
    """Remove the namespace with all its devices, unless processes run in it."""
    if exists(instance) and not run("ip", "netns", "pids", instance.namespace).strip():
        run("ip", "netns", "delete", instance.namespace)


def exists(instance: Instance) -> bool:
    """Return whether the instance's namespace exists."""
    listed = run("ip", "netns", "list").splitlines()
    return instance.namespace in {line.split()[0] for line in listed if line}
