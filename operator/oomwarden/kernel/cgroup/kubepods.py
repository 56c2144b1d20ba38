"""Search for the root cgroup of all pods, wherever the kubelet's cgroup root is, within bounds."""

import os
from contextlib import suppress
from itertools import islice

from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.parse import cgroup_paths
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot

MAX_CHILDREN = 4096
"""Bounds the work on one directory; a node has at most 110 pods by default (OpenShift: 250)."""
MAX_LISTED = 2048
MAX_DEPTH = 5
"""A slice is nested in the slices that its name begins with:
a-b-c-kubepods.slice is in a.slice/a-b.slice/a-b-c.slice."""


def find_kubepods(root: CgroupRoot, depth: int = MAX_DEPTH) -> Cgroup | None:
    """Find the root of all pods, also below the cgroup of a nested kubelet (kind: /kubelet).

    A root with processes is preferred: after a change of the cgroup driver, the old root stays
    behind, empty.
    """
    level, found, left = [""], list[Cgroup](), MAX_LISTED
    for _ in range(depth):
        below: list[str] = []
        for path in level[:left]:
            for name, inode in _list(root, path):
                if cgroup_paths.is_kubepods(name):
                    one = Cgroup(inode, f"{path}/{name}".lstrip("/"), Level.KUBEPODS)
                    found.append(_innermost(root, one))
                else:
                    below.append(f"{path}/{name}")
        if any(_is_populated(root, one) for one in found):
            break
        level, left = below, max(left - len(level), 0)
    return next((one for one in found if _is_populated(root, one)), next(iter(found), None))


def _innermost(root: CgroupRoot, cgroup: Cgroup) -> Cgroup:
    """Return the kubelet's cgroup, also if its --cgroup-root is itself named kubepods."""
    names = dict(_list(root, cgroup.path))
    inner = next(filter(cgroup_paths.is_kubepods, names), None)
    if inner is None:
        return cgroup
    return Cgroup(names[inner], f"{cgroup.path}/{inner}", Level.KUBEPODS)


def _is_populated(root: CgroupRoot, cgroup: Cgroup) -> bool:
    try:
        directory = root.open_directory(cgroup.path)
    except (CgroupGoneError, OSError):
        return False
    try:
        return b"populated 1" in files.read_at(directory, "cgroup.events").splitlines()
    except (CgroupGoneError, OSError):
        return False
    finally:
        os.close(directory)


def _list(root: CgroupRoot, path: str) -> list[tuple[str, int]]:
    """List the children of a cgroup; none if it is gone or cannot be listed."""
    with suppress(CgroupGoneError, OSError):
        directory = root.open_directory(path) if path else os.open(root.path, os.O_RDONLY)
        try:
            return list(islice(files.children(directory), MAX_CHILDREN))
        finally:
            os.close(directory)
    return []
