"""The processes of a container: those of its cgroup and of all cgroups nested in it.

crun places them in a cgroup below the scope. A container with a delegated cgroup can create any
tree with any names, so names are untrusted data and the work is bounded.
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
"""Limit on reads of one cgroup.procs: some 130,000 PIDs, more than a node can have."""


class PartialPids(list[int]):
    """PIDs of a container whose cgroups could not all be read; there may be more."""


@contextmanager
def open_container(root: CgroupRoot, cgroup: Cgroup) -> Iterator[int]:
    """Open a container's cgroup directory for the duration of the context.

    Raises:
        CgroupGoneError: The cgroup was removed, or another cgroup now has its path.
    """
    directory = root.open_directory(cgroup.path)
    try:
        if files.inode(directory) != cgroup.inode:
            raise CgroupGoneError(cgroup.path)
        yield directory
    finally:
        os.close(directory)


def list_pids(directory: int) -> list[int]:
    """List the processes of an open cgroup and of all cgroups below it.

    Returns:
        The PIDs, as `PartialPids` if not all cgroups could be read within the bounds.

    Raises:
        CgroupGoneError: The cgroup itself was removed. Removed nested cgroups are skipped.
        OSError: A cgroup could not be opened or read.
    """
    found, complete = _read_procs(directory)
    walk = Walk()
    for nested in walk.descend(directory):
        with suppress(CgroupGoneError):
            more, all_read = _read_procs(nested)
            found += more
            complete &= all_read
    return found if complete and not walk.unreached else PartialPids(found)


def _read_procs(directory: int) -> tuple[list[int], bool]:
    """Read cgroup.procs. Return its PIDs, and whether it was read to the end.

    A threaded cgroup returns EOPNOTSUPP; its processes are listed in the domain cgroup above it
    (Linux Documentation/admin-guide/cgroup-v2.rst, Threads).
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
    return parse_pids(text), len(text) < MAX_BYTES


def parse_pids(text: bytes) -> list[int]:
    """Return the PIDs of cgroup.procs.

    PID 0 stands for a process outside this PID namespace and is left out.
    """
    return [int(word) for word in text.split() if word.isdigit() and word != b"0"]
