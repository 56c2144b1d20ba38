"""The node's own services: of each the process that the kernel would kill first."""

import os
from collections.abc import Iterator

from oomwarden.core.enforcement.node_services import NodeService, NodeServices, badness
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError
from oomwarden.kernel.cgroup.members import pids
from oomwarden.kernel.proc.process import ProcessGoneError
from oomwarden.kernel.roots import HostRoots

MOST_SERVICES, MOST_PROCESSES = 256, 64
SLICE = "system.slice"
"""Where systemd puts services (systemd.special(7)); a node without it has nothing to be told."""


def services(places: HostRoots, beside: str, total: int) -> NodeServices:
    """Look at the services of the node.

    Args:
        places: The host's cgroups and processes.
        beside: Path of the kubelet's root cgroup, relative to the mount: the services of a nested
            node lie beside it.
        total: The node's RAM in bytes.

    Raises:
        OSError: a directory could not be listed.
    """
    parent = beside.rpartition("/")[0]
    top = f"{parent}/{SLICE}".lstrip("/")
    found: list[NodeService] = []
    for path, name in list(_listed(places, top))[:MOST_SERVICES]:
        daemon = _first_to_die(places, path, name, total)
        if daemon is not None:
            found.append(daemon)
    return NodeServices(tuple(found), total)


def _listed(places: HostRoots, top: str) -> Iterator[tuple[str, str]]:
    for name in _children(places, top):
        if name.endswith(".service"):
            yield f"{top}/{name}", name
        elif name.endswith(".slice"):  # templates: system-getty.slice
            inner = _children(places, f"{top}/{name}")
            yield from ((f"{top}/{name}/{each}", each) for each in inner if _is_service(each))


def _is_service(name: str) -> bool:
    return name.endswith(".service")


def _children(places: HostRoots, path: str) -> list[str]:
    try:
        directory = places.cgroups.open_directory(path)
    except CgroupGoneError:
        return []
    try:
        return sorted(name for name, _ in files.children(directory))
    finally:
        os.close(directory)


def _first_to_die(places: HostRoots, path: str, name: str, total: int) -> NodeService | None:
    try:
        directory = places.cgroups.open_directory(path)
    except CgroupGoneError:
        return None
    try:
        found = pids(directory)[:MOST_PROCESSES]
    except CgroupGoneError:
        return None
    finally:
        os.close(directory)
    daemons = [each for pid in found if (each := _daemon(places, pid, name))]
    return max(daemons, key=lambda each: badness(each.memory, each.score, total), default=None)


def _daemon(places: HostRoots, pid: int, name: str) -> NodeService | None:
    try:
        with places.proc.open(pid) as process:
            return NodeService(name, process.score(), process.resident())
    except ProcessGoneError:
        return None
