"""The processes of a container: those of its cgroup and of the cgroups nested in it.

crun puts them into a cgroup below the scope; a container with a delegated cgroup makes any tree
and any names below it, so names are data here, and the work is bounded.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.walk import Walk
from oomwarden.kernel.proc.process import read_whole

MAX_BYTES = 1 << 20
"""Of one cgroup.procs: some 130,000 pids, more than a node may have."""


class PartOfPids(list[int]):
    """The pids of a container that could not be walked to its end; others are not among them."""


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
    """List the processes of a held cgroup and of all below it; a `PartOfPids` where not of all.

    Raises:
        CgroupGoneError: the cgroup itself was removed; a nested one that goes away is passed over.
        OSError: a cgroup cannot be opened or read.
    """
    found, whole = _pids_of(directory)
    walk = Walk()
    for nested in walk.below(directory):
        with suppress(CgroupGoneError):
            more, all_of_it = _pids_of(nested)
            found += more
            whole &= all_of_it
    return found if whole and not walk.unreached else PartOfPids(found)


def _pids_of(directory: int) -> tuple[list[int], bool]:
    """Read cgroup.procs, and tell whether to its end.

    0 stands for a process that this pid namespace does not have.
    A threaded cgroup answers EOPNOTSUPP: its processes stand in the domain above it (Linux
    Documentation/admin-guide/cgroup-v2.rst, Threads).
    """
    fd = files.open_at(directory, "cgroup.procs")
    try:
        text = read_whole(fd, MAX_BYTES)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return [], True
        if error.errno in {errno.ENODEV, errno.ENOENT}:
            raise CgroupGoneError("cgroup.procs") from error
        raise
    finally:
        os.close(fd)
    found = [int(word) for word in text.split() if word.isdigit() and word != b"0"]
    return found, len(text) < MAX_BYTES
