"""Containers' cgroups outside of the kubelet's, by a bounded look at the upper levels."""

import os
from collections import deque

from oomwarden.core.parse import cgroup_paths
from oomwarden.core.reporting.layout import UnknownCgroup, stray
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot

MAX_DEPTH = 4
"""system.slice/containerd.service/<container> are three."""
MAX_CGROUPS = 2048
MAX_STRAYS = 512


def strays(root: CgroupRoot) -> list[UnknownCgroup]:
    """Find them; what is below kubepods or below a container is not looked at.

    Raises:
        OSError: a directory cannot be listed.
    """
    found: list[UnknownCgroup] = []
    left = deque([("", 0)])
    for _ in range(MAX_CGROUPS):
        if not left or len(found) >= MAX_STRAYS:
            break
        path, depth = left.popleft()
        for name in _names(root, path):
            below = f"{path}/{name}".lstrip("/")
            one = stray(below)
            if one is not None:
                found.append(one)
            elif depth + 1 < MAX_DEPTH and not cgroup_paths.is_kubepods(name):
                left.append((below, depth + 1))
    return found


def _names(root: CgroupRoot, path: str) -> list[str]:
    try:
        directory = root.open_directory(path) if path else os.open(root.path, os.O_RDONLY)
    except CgroupGoneError:
        return []
    try:
        return [name for name, _ in files.children(directory)]
    finally:
        os.close(directory)
