"""The node's system services: for each, the process that the kernel would kill first."""

import os
from collections.abc import Iterator

from oomwarden.core.enforcement.node_services import NodeService, NodeServices, badness
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError
from oomwarden.kernel.cgroup.members import list_pids
from oomwarden.kernel.proc.process import ProcessGoneError
from oomwarden.kernel.roots import HostRoots

MAX_SERVICES, MAX_PROCESSES_OF_SERVICE = 256, 64
SLICE = "system.slice"
"""Where systemd places services (systemd.special(7)). Nodes without it report no services."""


def read_node_services(roots: HostRoots, beside: str, total: int) -> NodeServices:
    """Read the services of the node.

    Args:
        roots: The host's cgroups and processes.
        beside: Path of the kubelet's root cgroup relative to the mount. The services of a nested
            node are beside it.
        total: The node's RAM in bytes.

    Raises:
        OSError: A directory could not be listed.
    """
    parent = beside.rpartition("/")[0]
    top = f"{parent}/{SLICE}".lstrip("/")
    found: list[NodeService] = []
    for path, name in list(_listed(roots, top))[:MAX_SERVICES]:
        daemon = _first_to_die(roots, path, name, total)
        if daemon is not None:
            found.append(daemon)
    return NodeServices(tuple(found), total)


def _listed(roots: HostRoots, top: str) -> Iterator[tuple[str, str]]:
    for name in _children(roots, top):
        if name.endswith(".service"):
            yield f"{top}/{name}", name
        elif name.endswith(".slice"):  # instances of templates: system-getty.slice
            inner = _children(roots, f"{top}/{name}")
            yield from ((f"{top}/{name}/{each}", each) for each in inner if _is_service(each))


def _is_service(name: str) -> bool:
    return name.endswith(".service")


def _children(roots: HostRoots, path: str) -> list[str]:
    try:
        directory = roots.cgroups.open_directory(path)
    except CgroupGoneError:
        return []
    try:
        return sorted(name for name, _ in files.children(directory))
    finally:
        os.close(directory)


def _first_to_die(roots: HostRoots, path: str, name: str, total: int) -> NodeService | None:
    try:
        directory = roots.cgroups.open_directory(path)
    except CgroupGoneError:
        return None
    try:
        found = list_pids(directory)[:MAX_PROCESSES_OF_SERVICE]
    except CgroupGoneError:
        return None
    finally:
        os.close(directory)
    daemons = [each for pid in found if (each := _daemon(roots, pid, name))]
    return max(daemons, key=lambda each: badness(each.memory, each.score, total), default=None)


def _daemon(roots: HostRoots, pid: int, name: str) -> NodeService | None:
    try:
        with roots.proc.open(pid) as process:
            return NodeService(name, process.score(), process.resident_bytes())
    except ProcessGoneError:
        return None
