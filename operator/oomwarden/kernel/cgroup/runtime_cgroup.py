"""The cgroup that a runtime creates below a container's cgroup, and moves the container into.

crun does so with the systemd driver. Its name is `container` unless the annotation
run.oci.systemd.subgroup sets another (crun src/libcrun/cgroup-systemd.c, get_subcgroup_name). The
`unified` settings of the OCI spec are written there and only there (cgroup-resources.c,
write_unified_resources). Cgroups with other names, and deeper ones, belong to the container.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError

NAME = "container"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def open_runtime_cgroup(directory: int) -> Iterator[int | None]:
    """Open the runtime's cgroup below a container for the duration of the context.

    Yields None if there is none. If the container's cgroup itself has processes, a cgroup with
    this name was created by the container.
    """
    found = None
    if not _has_processes(directory):
        with suppress(CgroupGoneError, NotADirectoryError):
            found = files.open_at(directory, NAME, _DIRECTORY)
    try:
        yield found
    finally:
        if found is not None:
            os.close(found)


def _has_processes(directory: int) -> bool:
    try:
        return bool(files.read_at(directory, "cgroup.procs").strip())
    except (CgroupGoneError, OSError):  # a threaded cgroup returns EOPNOTSUPP
        return False
