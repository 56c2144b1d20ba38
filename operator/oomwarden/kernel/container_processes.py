"""The processes of a container: those of its cgroup and of the cgroups nested in it.

crun puts them into a cgroup below the scope; a container with a delegated cgroup makes any tree
and any names below it, so names are data here, and depth and number are bounded.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from oomwarden.core.facts import Cgroup
from oomwarden.kernel import cgroup as files
from oomwarden.kernel.cgroup import CgroupGoneError, CgroupRoot
from oomwarden.kernel.process import read_whole

MAX_DEPTH = 16
MAX_CGROUPS = 1024
MAX_BYTES = 1 << 20
"""Of one cgroup.procs: some 130,000 pids, more than a node may have."""
_NO_CHILDREN = 2
"""st_nlink of a cgroup without children (Linux fs/kernfs/inode.c, kernfs_refresh_inode)."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def held(root: CgroupRoot, cgroup: Cgroup) -> Iterator[int]:
    """Hold a container's cgroup directory.

    Raises:
        CgroupGoneError: it was removed, or another one has taken its name.
    """
    directory = root.open_directory(cgroup.path)
    try:
        if files.inode(directory) != cgroup.inode:
            raise CgroupGoneError(cgroup.path)
        yield directory
    finally:
        os.close(directory)


def pids(directory: int) -> list[int]:
    """List the processes of a held cgroup and of all below it.

    Raises:
        CgroupGoneError: the cgroup itself was removed; a nested one that goes away is passed over.
    """
    found = _pids_of(directory)
    budget = [MAX_CGROUPS]
    for child in _children(directory, budget, MAX_DEPTH):
        found += child
    return found


def _children(directory: int, budget: list[int], depth: int) -> Iterator[list[int]]:
    if depth == 0 or os.fstat(directory).st_nlink == _NO_CHILDREN:
        return
    for name, _ in list(files.children(directory)):
        budget[0] -= 1
        if budget[0] < 0:
            return
        yield from _nested(directory, name, budget, depth - 1)


def _nested(parent: int, name: str, budget: list[int], depth: int) -> Iterator[list[int]]:
    try:
        directory = files.open_at(parent, name, _DIRECTORY)
    except CgroupGoneError:
        return
    try:
        yield _pids_of(directory)
        yield from _children(directory, budget, depth)
    except CgroupGoneError:
        return
    finally:
        os.close(directory)


def _pids_of(directory: int) -> list[int]:
    """Read cgroup.procs; 0 stands for a process that this pid namespace does not have.

    A threaded cgroup answers EOPNOTSUPP: its processes stand in the domain above it (Linux
    Documentation/admin-guide/cgroup-v2.rst, Threads).
    """
    fd = files.open_at(directory, "cgroup.procs")
    try:
        text = read_whole(fd, MAX_BYTES)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return []
        if error.errno in {errno.ENODEV, errno.ENOENT}:
            raise CgroupGoneError("cgroup.procs") from error
        raise
    finally:
        os.close(fd)
    return [int(word) for word in text.split() if word.isdigit() and word != b"0"]
