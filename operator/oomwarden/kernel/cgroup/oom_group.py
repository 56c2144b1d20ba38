"""memory.oom.group of a container: whether the kernel kills all its processes as a group.

The file takes effect in the container's cgroup and in the one that the runtime creates below it.
Cgroups created by the container itself have the file too, but belong to the container.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from oomwarden.core.enforcement.group_files import GroupFiles
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import open_container
from oomwarden.kernel.cgroup.runtime_cgroup import open_runtime_cgroup

NAME = "memory.oom.group"
_WRITE = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_files(root: CgroupRoot, cgroups: Sequence[Cgroup]) -> dict[int, GroupFiles]:
    """Read memory.oom.group of containers, by inode. Containers that are gone are omitted."""
    found: dict[int, GroupFiles] = {}
    for cgroup in cgroups:
        with suppress(CgroupGoneError, OSError), open_container(root, cgroup) as directory:
            found[cgroup.inode] = read_container(directory)
    return found


def read_enabled(root: CgroupRoot, cgroups: Sequence[Cgroup]) -> dict[int, bool]:
    """Return, by inode, whether the kernel kills each container as a group."""
    return {inode: each.is_group_kill for inode, each in read_files(root, cgroups).items()}


def read_container(directory: int) -> GroupFiles:
    """Read memory.oom.group of a container by its open directory.

    Raises:
        CgroupGoneError: The container is gone.
    """
    own = _read(directory)
    with open_runtime_cgroup(directory) as inner:
        return GroupFiles(own, None if inner is None else read_nested(inner))


def read_nested(directory: int) -> bool | None:
    """Read the file of a nested cgroup. Return None if it has no memory controller."""
    with suppress(CgroupGoneError):
        return _read(directory)
    return None


def write(root: CgroupRoot, cgroup: Cgroup, *, enabled: bool) -> bool:
    """Enable or disable group kill for a container.

    Returns:
        Whether the kernel kills the container as a group, read back after the write.

    Raises:
        CgroupGoneError: The container is gone.
        OSError: The mount is read-only (EROFS), or the kernel refuses the write.
    """
    now = read_files(root, [cgroup]).get(cgroup.inode, GroupFiles(own=False))
    inner = now.below if enabled or now.below is None else False
    return restore(root, cgroup, GroupFiles(enabled, inner)).is_group_kill


def restore(root: CgroupRoot, cgroup: Cgroup, wanted: GroupFiles) -> GroupFiles:
    """Write the files of a container that differ from `wanted`.

    Returns:
        The values read back after the write.

    Raises:
        CgroupGoneError: The container is gone.
        OSError: The mount is read-only (EROFS), or the kernel refuses the write.
    """
    with open_container(root, cgroup) as directory:
        if _read(directory) != wanted.own:
            _write(directory, wanted.own)
        with open_runtime_cgroup(directory) as inner:
            if inner is not None and wanted.below not in {None, read_nested(inner)}:
                _write(inner, bool(wanted.below))
        return read_container(directory)


def is_read_only(path: Path) -> bool:
    """Return whether a mount is read-only or missing."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return True


def _write(directory: int, enabled: bool) -> None:  # noqa: FBT001 - the value of the file
    fd = files.open_at(directory, NAME, _WRITE)
    try:
        os.write(fd, b"1" if enabled else b"0")
    finally:
        os.close(fd)


def _read(directory: int) -> bool:
    return files.read_at(directory, NAME).strip() == b"1"
