"""Search for container cgroups outside the kubelet's, in the upper levels and within bounds."""

import os
from collections import deque

from oomwarden.core.parse import cgroup_paths
from oomwarden.core.reporting.layout import UnknownCgroup, parse_unknown_cgroup
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot

MAX_DEPTH = 4
"""system.slice/containerd.service/<container> has a depth of three."""
MAX_CGROUPS = 2048
MAX_FOUND = 512


def find_unknown_cgroups(root: CgroupRoot) -> list[UnknownCgroup]:
    """Find container cgroups outside kubepods, without descending into containers.

    Raises:
        OSError: A directory could not be listed.
    """
    found: list[UnknownCgroup] = []
    left = deque([("", 0)])
    for _ in range(MAX_CGROUPS):
        if not left or len(found) >= MAX_FOUND:
            break
        path, depth = left.popleft()
        for name in _names(root, path):
            below = f"{path}/{name}".lstrip("/")
            one = parse_unknown_cgroup(below)
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
