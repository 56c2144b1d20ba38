"""memory.oom.group of a container's own cgroup: whether the kernel kills all of it at once.

Cgroups that the container has made below its own have the file too; those are the container's.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from oomwarden.core.facts import Cgroup
from oomwarden.kernel import cgroup as files
from oomwarden.kernel.cgroup import CgroupGoneError, CgroupRoot
from oomwarden.kernel.container_processes import held

NAME = "memory.oom.group"
_WRITE = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_all(root: CgroupRoot, cgroups: Sequence[Cgroup]) -> dict[int, bool]:
    """Read the file of many containers, by inode; those that are gone are left out."""
    found: dict[int, bool] = {}
    for cgroup in cgroups:
        with suppress(CgroupGoneError, OSError), held(root, cgroup) as directory:
            found[cgroup.inode] = _read(directory)
    return found


def write(root: CgroupRoot, cgroup: Cgroup, *, together: bool) -> bool:
    """Write one container's file, and give what it holds then.

    Raises:
        CgroupGoneError: the container is gone.
        OSError: the mount is read-only (EROFS), or the kernel refuses.
    """
    with held(root, cgroup) as directory:
        fd = files.open_at(directory, NAME, _WRITE)
        try:
            os.write(fd, b"1" if together else b"0")
        finally:
            os.close(fd)
        return _read(directory)


def is_read_only(path: Path) -> bool:
    """Whether nothing can be written below a mount; also when it is not there."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return True


def _read(directory: int) -> bool:
    return files.read_at(directory, NAME).strip() == b"1"
