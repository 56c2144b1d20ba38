"""memory.oom.group of a container: whether the kernel kills all of it at once.

It counts in the container's own cgroup and in the one that its runtime makes below. Cgroups that
the container has made itself have the file too; those are the container's.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from oomwarden.core.enforcement.group_files import GroupFiles
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import held
from oomwarden.kernel.cgroup.runtime_cgroup import below

NAME = "memory.oom.group"
_WRITE = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_files(root: CgroupRoot, cgroups: Sequence[Cgroup]) -> dict[int, GroupFiles]:
    """Read the files of many containers, by inode; those that are gone are left out."""
    found: dict[int, GroupFiles] = {}
    for cgroup in cgroups:
        with suppress(CgroupGoneError, OSError), held(root, cgroup) as directory:
            found[cgroup.inode] = read_held(directory)
    return found


def read_all(root: CgroupRoot, cgroups: Sequence[Cgroup]) -> dict[int, bool]:
    """Tell of many containers, by inode, whether the kernel kills them as a whole."""
    return {inode: each.together for inode, each in read_files(root, cgroups).items()}


def read_held(directory: int) -> GroupFiles:
    """Read the files of a held container.

    Raises:
        CgroupGoneError: the container is gone.
    """
    own = _read(directory)
    with below(directory) as inner:
        return GroupFiles(own, None if inner is None else read_nested(inner))


def read_nested(directory: int) -> bool | None:
    """Read the file of a cgroup below; None: the memory controller does not reach there."""
    with suppress(CgroupGoneError):
        return _read(directory)
    return None


def write(root: CgroupRoot, cgroup: Cgroup, *, together: bool) -> bool:
    """Let the kernel kill one container as a whole or not, and tell what it does then.

    Raises:
        CgroupGoneError: the container is gone.
        OSError: the mount is read-only (EROFS), or the kernel refuses.
    """
    now = read_files(root, [cgroup]).get(cgroup.inode, GroupFiles(own=False))
    inner = now.below if together or now.below is None else False
    return put_back(root, cgroup, GroupFiles(together, inner)).together


def put_back(root: CgroupRoot, cgroup: Cgroup, wanted: GroupFiles) -> GroupFiles:
    """Write the files of one container that differ, and give what they hold then.

    Raises:
        CgroupGoneError: the container is gone.
        OSError: the mount is read-only (EROFS), or the kernel refuses.
    """
    with held(root, cgroup) as directory:
        if _read(directory) != wanted.own:
            _write(directory, wanted.own)
        with below(directory) as inner:
            if inner is not None and wanted.below not in {None, read_nested(inner)}:
                _write(inner, bool(wanted.below))
        return read_held(directory)


def is_read_only(path: Path) -> bool:
    """Whether nothing can be written below a mount; also when it is not there."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return True


def _write(directory: int, together: bool) -> None:  # noqa: FBT001 - the value of the file
    fd = files.open_at(directory, NAME, _WRITE)
    try:
        os.write(fd, b"1" if together else b"0")
    finally:
        os.close(fd)


def _read(directory: int) -> bool:
    return files.read_at(directory, NAME).strip() == b"1"
